// Command protodeps writes the .proto files our protos import (google/api, google/longrunning, google/rpc, buf/validate)
// into a folder, printed from the descriptors that are linked into the Go packages of the same versions. The protos that buf compiles
// against is so exactly what our Go code links, pinned by go.sum, and nothing is vendored. It fails when a file cannot be written.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "cloud.google.com/go/longrunning/autogen/longrunningpb"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/rpc/code"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/genproto/googleapis/type/money"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func main() {
	out := flag.String("o", ".cache/protodeps", "folder to write to")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "protodeps:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	var files []protoreflect.FileDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(fd protoreflect.FileDescriptor) bool {
		path := fd.Path()
		if strings.HasPrefix(path, "buf/") || strings.HasPrefix(path, "google/") && !strings.HasPrefix(path, "google/protobuf/") {
			files = append(files, fd)
		}
		return true
	})
	var printer protoprint.Printer
	return printer.PrintProtosToFileSystem(files, dir)
}
