//go:build provider

package main

import (
	_ "embed"
	"os"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// Both files are copied here from the provider's module when this program is built.
//
//go:embed schema.json
var providerSchema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

// providerVersion is set by the linker.
var providerVersion = "4.0.0"

func init() {
	programs["pulumi-resource-kubernetes"] = func() {
		// A CLI that is killed leaves its plugins running, whose calls would collide with those of the next run.
		go dieWith(os.Getppid())
		provider.Serve("kubernetes", providerVersion, providerSchema, terraformMapping)
		os.Exit(0)
	}
}
