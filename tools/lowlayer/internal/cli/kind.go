package cli

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

// named is a resource.
type named interface {
	proto.Message
	GetName() string
}

// kind is a kind of resource: its names for people and its table. Its RPCs come from the descriptor of M.
type kind[M named] struct {
	view[M]
	// arg is the form of its short name, for example TENANT/ORGANISATION/VPC, and full makes a name of one.
	arg      string
	full     func(string) (string, error)
	complete completer
	// parentArg and parent are the same for what holds it; both are empty for what nothing holds.
	parentArg      string
	parent         func(string) (string, error)
	completeParent completer
	// plural is the word for many of it in messages.
	plural string
}

// declared fills in the names of a resource, and of what holds it, as its proto declares them.
func (k kind[M]) declared() kind[M] {
	var m M
	of, _ := proto.GetExtension(m.ProtoReflect().Descriptor().Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
	k.plural, k.plain, k.view.name = of.GetPlural(), of.GetPlural(), M.GetName
	var variables []string
	for _, v := range variable.FindAllString(of.GetPattern()[0], -1) {
		variables = append(variables, strings.Trim(v, "{}"))
	}
	names := func(ids []string) (form string, full func(string) (string, error)) {
		last := ids[len(ids)-1]
		return strings.ToUpper(strings.Join(ids, "/")), func(s string) (string, error) {
			return fullName(s, strings.ToUpper(last[:1])+last[1:], strings.Join(ids, "/"))
		}
	}
	k.arg, k.full = names(variables)
	if len(variables) > 1 {
		k.parentArg, k.parent = names(variables[:len(variables)-1])
	}
	return k
}

// method returns a standard method of M, for example GetVpc for Get.
func method[M proto.Message](verb string) protoreflect.MethodDescriptor {
	var m M
	d := m.ProtoReflect().Descriptor()
	name := string(d.Name())
	if verb == "List" {
		r, _ := proto.GetExtension(d.Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
		name = strings.ToUpper(r.GetPlural()[:1]) + r.GetPlural()[1:]
	}
	return rpc[M](verb + name)
}

// rpc returns a method of the service of M by its name.
func rpc[M proto.Message](name string) protoreflect.MethodDescriptor {
	var m M
	services := m.ProtoReflect().Descriptor().ParentFile().Services()
	for i := range services.Len() {
		if found := services.Get(i).Methods().ByName(protoreflect.Name(name)); found != nil {
			return found
		}
	}
	panic("cli: no proto has " + name) // a defect that every test of the command finds
}

// request is a request with fields by name.
type request map[protoreflect.Name]any

// call calls a method. Fields that the request does not have are left out.
func (c *client) call(ctx context.Context, m protoreflect.MethodDescriptor, fields request, out proto.Message) error {
	t, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	in := t.New()
	for name, value := range fields {
		f := m.Input().Fields().ByName(name)
		if f == nil {
			continue
		}
		if p, ok := value.(proto.Message); ok {
			value = p.ProtoReflect()
		}
		in.Set(f, protoreflect.ValueOf(value))
	}
	return c.conn.Invoke(ctx, "/"+string(m.Parent().FullName())+"/"+string(m.Name()), in.Interface(), out)
}

// fresh returns an empty M.
func fresh[M proto.Message]() M {
	var m M
	return m.ProtoReflect().Type().New().Interface().(M) //nolint:forcetypeassert // it is of the type of m
}

// singular is the field of M in requests, for example service_account.
func singular[M proto.Message]() string {
	var m M
	var b strings.Builder
	for i, r := range string(m.ProtoReflect().Descriptor().Name()) {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// getOf reads a resource.
func getOf[M named](ctx context.Context, api *client, name string) (M, error) {
	m := fresh[M]()
	if err := api.call(ctx, method[M]("Get"), request{"name": name}, m); err != nil {
		return m, fmt.Errorf("get %s: %w", name, err)
	}
	return m, nil
}

// listOf reads the resources of a parent, up to the limit.
func listOf[M named](ctx context.Context, api *client, k kind[M], parent string, flags listFlags) ([]M, error) {
	m := method[M]("List")
	t, err := protoregistry.GlobalTypes.FindMessageByName(m.Output().FullName())
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", k.plural, err)
	}
	return pages(flags.limit, func(size int32, token string) ([]M, string, error) {
		out := t.New()
		if err := api.call(ctx, m, request{
			"parent": parent, "page_size": size, "page_token": token, "filter": flags.filter, "order_by": flags.orderBy,
			"show_deleted": flags.deleted, "show_resolved": flags.resolved,
		}, out.Interface()); err != nil {
			if parent == "" {
				return nil, "", fmt.Errorf("list %s: %w", k.plural, err)
			}
			return nil, "", fmt.Errorf("list %s of %s: %w", k.plural, parent, err)
		}
		var all []M
		out.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			for i := 0; f.IsList() && f.Message() != nil && i < v.List().Len(); i++ {
				all = append(all, v.List().Get(i).Message().Interface().(M)) //nolint:forcetypeassert // the list is of M
			}
			return true
		})
		return all, out.Get(m.Output().Fields().ByName("next_page_token")).String(), nil
	})
}

// calls is a command with n arguments that calls the platform; full makes the name of a resource from the first.
func (a *app) calls(use, short string, n int, complete completer, full func(string) (string, error),
	run func(ctx context.Context, api *client, name string, args []string) error,
) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: exactly(n), ValidArgsFunction: complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := full(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			return run(cmd.Context(), api, name, args)
		},
	}
}

// scoped is a command with n arguments, of which the first is a tenant, an organisation or a VPC.
func (a *app) scoped(use, short string, n int, run func(ctx context.Context, api *client, scope string, args []string) error) *cobra.Command {
	return a.calls(use, short, n, a.completeTenants, scopeName, run)
}

// onName is a command with the name of a resource of the kind as its argument.
func (k kind[M]) onName(a *app, verb, short string, run func(ctx context.Context, api *client, name string) error) *cobra.Command {
	return a.calls(verb+" "+k.arg, short, 1, k.complete, k.full, func(ctx context.Context, api *client, name string, _ []string) error {
		return run(ctx, api, name)
	})
}

// listing is a command that lists messages of a tenant page by page.
func listing[M proto.Message](a *app, v view[M], plural, short, filter string, limit int,
	fetch func(ctx context.Context, api *client, parent, filter string, size int32, token string) ([]M, string, error),
) *cobra.Command {
	var flags listFlags
	cmd := a.calls("list TENANT", short, 1, a.completeTenants, tenantName, func(ctx context.Context, api *client, parent string, _ []string) error {
		list, err := pages(flags.limit, func(size int32, token string) ([]M, string, error) {
			return fetch(ctx, api, parent, flags.filter, size, token)
		})
		if err != nil {
			return fmt.Errorf("list %s of %s: %w", plural, parent, err)
		}
		return printList(a, v, list)
	})
	cmd.Flags().StringVar(&flags.filter, "filter", "", "AIP-160 filter, for example '"+filter+"'")
	cmd.Flags().IntVar(&flags.limit, "limit", limit, limitHelp)
	return cmd
}

func (k kind[M]) get(a *app, short string) *cobra.Command {
	return k.onName(a, "get", short, func(ctx context.Context, api *client, name string) error {
		m, err := getOf[M](ctx, api, name)
		if err != nil {
			return err
		}
		return printOne(a, k.view, m)
	})
}

func (k kind[M]) list(a *app, short string) *cobra.Command {
	var flags listFlags
	cmd := &cobra.Command{
		Use: strings.TrimSuffix("list "+k.parentArg, " "), Short: short, Args: exactly(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			var parent string
			var err error
			if k.parent != nil {
				if parent, err = k.parent(args[0]); err != nil {
					return err
				}
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			list, err := listOf(cmd.Context(), api, k, parent, flags)
			if err != nil {
				return err
			}
			return printList(a, k.view, list)
		},
	}
	if k.parent != nil {
		cmd.Args, cmd.ValidArgsFunction = exactly(1), k.completeParent
	}
	fields := method[M]("List").Input().Fields()
	flags.add(cmd, fields.ByName("show_deleted") != nil)
	if fields.ByName("show_resolved") != nil {
		cmd.Flags().BoolVar(&flags.resolved, "show-resolved", false, "findings that are resolved, too")
	}
	return cmd
}

// act is a command that calls another method of the resource, for example UndeleteTenant.
func (k kind[M]) act(a *app, word, name, short string, more request) *cobra.Command {
	m := rpc[M](name)
	return k.onName(a, word, short, func(ctx context.Context, api *client, name string) error {
		return k.order(ctx, a, api, word, name, m, more)
	})
}

// order calls a method that changes a resource, and shows the resource when the work is done.
func (k kind[M]) order(ctx context.Context, a *app, api *client, word, name string, m protoreflect.MethodDescriptor, more request) error {
	fields := request{"name": name}
	for f, v := range more {
		if text, ok := v.(*string); ok {
			v = *text
		}
		fields[f] = v
	}
	op := &longrunningpb.Operation{}
	if err := api.call(ctx, m, fields, op); err != nil {
		return fmt.Errorf("%s %s: %w", word, name, err)
	}
	out := fresh[M]()
	done, err := a.follow(ctx, op, out)
	if err != nil || !done {
		return err
	}
	if out.GetName() == "" {
		return a.printGone(name)
	}
	return printOne(a, k.view, out)
}

// create is a command that creates m, which its flags fill and prepare completes.
func (k kind[M]) create(a *app, short, example string, m M, prepare func() error) *cobra.Command {
	cmd := k.onName(a, "create", short, func(ctx context.Context, api *client, name string) error {
		if err := prepare(); err != nil {
			return err
		}
		parent, id, of := "", lastPart(name), singular[M]()
		if k.parent != nil {
			parent, _ = split(name)
		}
		return k.order(ctx, a, api, "create", name, method[M]("Create"), request{
			"parent": parent, protoreflect.Name(of): m, protoreflect.Name(of + "_id"): id,
		})
	})
	cmd.Example = example
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	if k.parent != nil {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			return parents(k.completeParent(cmd, args, typed))
		}
	}
	return cmd
}

// update is a command that changes the fields of m whose flags were given; paths are their fields by flag.
func (k kind[M]) update(a *app, short string, m M, paths map[string]string, prepare func(mask []string) error) *cobra.Command {
	var cmd *cobra.Command
	cmd = k.onName(a, "update", short, func(ctx context.Context, api *client, name string) error {
		mask := changed(cmd, paths)
		if len(mask) == 0 {
			have, err := getOf[M](ctx, api, name)
			if err := resumes(cmd, have, err); err != nil {
				return err
			}
		}
		if err := prepare(mask); err != nil {
			return err
		}
		m.ProtoReflect().Set(m.ProtoReflect().Descriptor().Fields().ByName("name"), protoreflect.ValueOfString(name))
		return k.order(ctx, a, api, "update", name, method[M]("Update"), request{
			protoreflect.Name(singular[M]()): m, "update_mask": &fieldmaskpb.FieldMask{Paths: mask},
		})
	})
	cmd.Long = updateHelp
	return cmd
}

// remove is a command that deletes a resource. Force is the help of --force, for kinds whose deletion has it.
func (k kind[M]) remove(a *app, short, force string) *cobra.Command {
	var etag string
	var forced, purge bool
	m := method[M]("Delete")
	cmd := k.onName(a, "delete", short, func(ctx context.Context, api *client, name string) error {
		if err := a.confirm(ctx, "Delete "+name); err != nil {
			return err
		}
		return k.order(ctx, a, api, "delete", name, m, request{"etag": etag, "force": forced, "purge": purge})
	})
	if m.Input().Fields().ByName("force") != nil {
		cmd.Flags().BoolVar(&forced, "force", false, force)
	}
	if m.Input().Fields().ByName("purge") != nil {
		cmd.Flags().BoolVar(&purge, "purge", false, "remove it at once and for good")
	}
	cmd.Flags().StringVar(&etag, "etag", "", "delete it only when this is its etag")
	cmd.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	return cmd
}

const updateHelp = "Only the fields of the given flags change. Without flags, cancelled work continues."

// resumes is nil when the last work on a resource was cancelled before its end: then an update without flags continues it.
// Otherwise there is nothing to change.
func resumes(cmd *cobra.Command, have proto.Message, err error) error {
	if err != nil {
		return err
	}
	r, ok := have.(interface {
		GetReconciling() bool
		GetBlockage() *typev1.Blockage
	})
	if ok && !r.GetReconciling() && r.GetBlockage().GetReason() == reasonCancelled {
		return nil
	}
	return usageError{fmt.Errorf("nothing to change: give at least one flag, see `%s --help`", cmd.CommandPath())}
}
