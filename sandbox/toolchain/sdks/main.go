// Writes SDKs of a package's schema: SCHEMA FOLDER LANGUAGE...
package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-java/pkg/codegen/java"
	"github.com/pulumi/pulumi/pkg/v3/codegen/dotnet"
	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

const tool = "pulumi"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("usage: sdks SCHEMA FOLDER LANGUAGE...")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	for _, language := range args[2:] {
		var spec schema.PackageSpec
		if err := json.Unmarshal(text, &spec); err != nil {
			return err
		}
		files, err := generate(spec, language)
		if err != nil {
			return fmt.Errorf("%s: %w", language, err)
		}
		if err := write(filepath.Join(args[1], language), files); err != nil {
			return err
		}
	}
	return nil
}

func generate(spec schema.PackageSpec, language string) (map[string][]byte, error) {
	loader := schema.NewPluginLoader(nil)
	bound, problems, err := schema.BindSpec(spec, loader, schema.ValidationOptions{})
	if err != nil {
		return nil, err
	}
	if problems.HasErrors() {
		return nil, problems
	}
	switch language {
	case "dotnet":
		// The generator loads a logo from a public address, which this one replaces.
		logo := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
			_ = png.Encode(response, image.NewGray(image.Rect(0, 0, 1, 1)))
		}))
		defer logo.Close()
		bound.LogoURL = logo.URL
		return dotnet.GeneratePackage(tool, bound, nil, nil)
	case "go":
		// As `pulumi package add` does: with a go.mod.
		bound.SupportPack = true
		return gogen.GeneratePackage(tool, bound, nil)
	case "java":
		return java.GeneratePackage(tool, bound, nil, nil, false, false)
	case "nodejs":
		// As `pulumi package add` does: npm compiles it when it is installed.
		return nodejs.GeneratePackage(tool, bound, nil, nil, true, loader)
	case "python":
		return python.GeneratePackage(tool, bound, nil, loader)
	}
	return nil, fmt.Errorf("allowed: dotnet, go, java, nodejs, python")
}

func write(folder string, files map[string][]byte) error {
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
