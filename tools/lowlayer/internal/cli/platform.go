package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/doctor"
)

// unhealthyError is a cloud that lacks something the platform needs.
type unhealthyError struct{ failing int }

func (e unhealthyError) Error() string {
	return fmt.Sprintf("%d checks of the cloud fail; the table has the fix of each", e.failing)
}

// operatorCloud names the OpenStack of the platform. These commands call it, and not the gateway.
type operatorCloud struct{ file, cloud, image, role string }

func (o *operatorCloud) flags(cmd *cobra.Command) *cobra.Command {
	flags := cmd.Flags()
	flags.StringVar(&o.file, "clouds-file", os.Getenv("OS_CLIENT_CONFIG_FILE"), "clouds.yaml of the operator (OS_CLIENT_CONFIG_FILE)")
	flags.StringVar(&o.cloud, "cloud", os.Getenv("OS_CLOUD"), "cloud in it (OS_CLOUD)")
	flags.StringVar(&o.image, "image-name", doctor.Image, "image that machines boot from")
	flags.StringVar(&o.role, "role", "member", "role that the platform takes in a project")
	cobra.CheckErr(cmd.MarkFlagFilename("clouds-file", "yaml", "yml")) // fails only for a flag that is not defined
	return cmd
}

// open reads the clouds.yaml. The caller closes the client.
func (o *operatorCloud) open() (*openstack.Client, *doctor.Doctor, error) {
	if o.cloud == "" {
		return nil, nil, usageError{errors.New("name the cloud of the clouds.yaml: --cloud NAME, or OS_CLOUD")}
	}
	c, err := openstack.New(openstack.Config{CloudsFile: o.file, Cloud: o.cloud, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, usageError{err}
	}
	return c, doctor.New(c, o.image, o.role), nil
}

func (a *app) platformCommand() *cobra.Command {
	return group("platform", "Check and prepare the operator's OpenStack", nil, a.platformDoctor(), a.platformBootstrap())
}

func (a *app) platformDoctor() *cobra.Command {
	var o operatorCloud
	return o.flags(&cobra.Command{
		Use: "doctor", Short: "Check whether an OpenStack has what the platform needs; every check that fails names its fix", Args: exactly(0),
		Example: "  lowlayer platform doctor --cloud mycloud",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, d, err := o.open()
			if err != nil {
				return err
			}
			defer c.Close()
			findings, err := d.Examine(cmd.Context())
			if err != nil {
				return err
			}
			return a.showFindings(findings)
		},
	})
}

func (a *app) showFindings(findings []doctor.Finding) error {
	var names []string
	rows := make([][]string, len(findings))
	for i, f := range findings {
		rows[i] = []string{f.Check, string(f.Verdict), f.Detail, f.Fix}
		if f.Verdict == doctor.Fail {
			names = append(names, f.Check)
		}
	}
	err := a.show(names, func() { a.table([]string{"CHECK", "VERDICT", "DETAIL", "FIX"}, rows) }, map[string]any{"findings": findings})
	if err == nil && len(names) > 0 {
		err = unhealthyError{failing: len(names)}
	}
	return err
}

func (a *app) platformBootstrap() *cobra.Command {
	var o operatorCloud
	var file string
	var hosts []string
	cmd := o.flags(&cobra.Command{
		Use: "bootstrap", Short: "Make the flavors, the image and the aggregate that are missing; it changes and removes nothing", Args: exactly(0),
		Example: "  lowlayer platform bootstrap --cloud mycloud --image debian-13.qcow2 --dedicated-host cmp1 --dedicated-host cmp2 --dedicated-host cmp3",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, d, err := o.open()
			if err != nil {
				return err
			}
			defer c.Close()
			return a.bootstrap(cmd.Context(), d, file, hosts)
		},
	})
	cmd.Flags().StringVar(&file, "image", "", "disk that machines boot from; its ending is its form, such as .qcow2")
	cmd.Flags().StringArrayVar(&hosts, "dedicated-host", nil, "hypervisor to keep for DEDICATED machines, where none offers PCPU; may be repeated")
	cobra.CheckErr(cmd.MarkFlagFilename("image", "qcow2", "raw", "img"))
	return cmd
}

// diskFormat is Glance's word for the form of a disk, by the ending of its file.
func diskFormat(file string) string {
	if form := strings.TrimPrefix(filepath.Ext(file), "."); form != "" && form != "img" {
		return form
	}
	return "raw"
}

func (a *app) bootstrap(ctx context.Context, d *doctor.Doctor, file string, hosts []string) (err error) {
	p := doctor.Preparation{DiskFormat: diskFormat(file), DedicatedHosts: hosts}
	if file != "" {
		var f io.ReadCloser
		if f, err = os.Open(file); err != nil {
			return usageError{err}
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		p.Image = struct{ io.Reader }{f} // the call would close a file
	}
	made := []string{}
	err = d.Bootstrap(ctx, p, func(what string) {
		made = append(made, what)
		a.note("made %s", what)
	})
	if err != nil {
		return err
	}
	return a.show(made, func() { a.printf("made %d things; `lowlayer platform doctor` shows what is still missing", len(made)) }, map[string]any{"made": made})
}
