// Command protoc-gen-lowlayer is a plugin of buf. It generates what our own options and google.api.resource declare:
//
//	go/resourcename   a Go type for each resource name, and the forms of all names and ids
//	go/reason         the reasons of errors with their pages
//	go/all            imports every package of ours, so that a program knows all descriptors
//	gateway           the REST routes of every service
//
// It imports nothing from gen/, which is empty while it runs, and reads its options by reflection. The same protos give the
// same bytes. It fails, naming the declaration, when a name has two meanings or a reason has no page.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const root = "github.com/low-layer/platform/gen/"

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err == nil {
		var output []byte
		if output, err = run(input); err == nil {
			_, err = os.Stdout.Write(output)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "protoc-gen-lowlayer:", err)
		os.Exit(1)
	}
}

// run returns the response to an encoded request of buf.
func run(input []byte) ([]byte, error) {
	request, err := decode(input)
	if err != nil {
		return nil, err
	}
	plugin, err := protogen.Options{}.New(request)
	if err != nil {
		return nil, fmt.Errorf("read the protos: %w", err)
	}
	plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
	var ours []*protogen.File
	for _, f := range plugin.Files {
		if strings.HasPrefix(string(f.Desc.Package()), "lowlayer.") {
			ours = append(ours, f)
		}
	}
	slices.SortFunc(ours, func(a, b *protogen.File) int { return strings.Compare(a.Desc.Path(), b.Desc.Path()) })
	for _, generate := range []func(*protogen.Plugin, []*protogen.File) error{names, reasons, imports, routes} {
		if err := generate(plugin, ours); err != nil {
			plugin.Error(err)
		}
	}
	output, err := proto.Marshal(plugin.Response())
	if err != nil {
		return nil, fmt.Errorf("encode the response: %w", err)
	}
	return output, nil
}

// decode reads a request twice: the first reading finds our options, the second knows them.
func decode(input []byte) (*pluginpb.CodeGeneratorRequest, error) {
	var request pluginpb.CodeGeneratorRequest
	if err := proto.Unmarshal(input, &request); err != nil {
		return nil, fmt.Errorf("decode the request: %w", err)
	}
	files, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: request.GetProtoFile()})
	if err != nil {
		return nil, fmt.Errorf("link the protos: %w", err)
	}
	types := new(protoregistry.Types)
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Extensions().Len() {
			if e := types.RegisterExtension(dynamicpb.NewExtensionType(f.Extensions().Get(i))); e != nil {
				err = fmt.Errorf("learn an option: %w", e)
			}
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	again := new(pluginpb.CodeGeneratorRequest)
	if err := (proto.UnmarshalOptions{Resolver: types}).Unmarshal(input, again); err != nil {
		return nil, fmt.Errorf("decode the options: %w", err)
	}
	return again, nil
}

// option returns the value of one of our options, nil when it is not set.
func option(d protoreflect.Descriptor, name protoreflect.FullName) (found protoreflect.Value, ok bool) {
	d.Options().ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.FullName() == name {
			found, ok = v, true
		}
		return !ok
	})
	return found, ok
}

// text returns a field of a message by name.
func text(m protoreflect.Message, name protoreflect.Name) string {
	return m.Get(m.Descriptor().Fields().ByName(name)).String()
}

// comment returns the words of a leading comment in one line.
func comment(c protogen.CommentSet) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(string(c.Leading), "\n", " ")), " ")
}
