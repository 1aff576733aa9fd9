package server

import (
	"strings"

	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"
	reflectv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// reflect serves the descriptors of what the edge serves, from those that are linked into the program, so that it works
// while services are away.
func reflect(s *grpc.Server, routes *route.Table) {
	o := reflection.ServerOptions{
		Services:           services{s, routes},
		DescriptorResolver: resolver{protoregistry.GlobalFiles},
	}
	reflectv1.RegisterServerReflectionServer(s, reflection.NewServerV1(o))
	reflectv1alpha.RegisterServerReflectionServer(s, reflection.NewServer(o))
}

// services are those of the edge and those that it passes on.
type services struct {
	server *grpc.Server
	routes *route.Table
}

// GetServiceInfo names them.
func (p services) GetServiceInfo() map[string]grpc.ServiceInfo {
	all := p.server.GetServiceInfo()
	for _, name := range p.routes.Services() {
		if _, ok := all[name]; !ok {
			all[name] = grpc.ServiceInfo{}
		}
	}
	return all
}

// resolver hides what is not for users, should it ever be linked.
type resolver struct{ protodesc.Resolver }

// FindFileByPath finds a file.
func (r resolver) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	f, err := r.Resolver.FindFileByPath(path)
	if err != nil || internal(f.Package()) {
		return nil, protoregistry.NotFound
	}
	return f, nil
}

// FindDescriptorByName finds a declaration.
func (r resolver) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	d, err := r.Resolver.FindDescriptorByName(name)
	if err != nil || internal(d.ParentFile().Package()) {
		return nil, protoregistry.NotFound
	}
	return d, nil
}

func internal(pkg protoreflect.FullName) bool {
	return strings.Contains("."+string(pkg)+".", ".internal.")
}
