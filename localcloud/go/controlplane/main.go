// One program that acts, depending on the name it is called by, as the control plane of a cluster, as kubectl or, if it is
// built with the tag provider, as Pulumi's Kubernetes provider. They share most of their packages, so linking them once
// saves build time and disk.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

// programs holds the programs that this one can act as, by the name it is called by.
var programs = map[string]func(){
	"control-plane": controlPlane,
	"kubectl":       kubectl,
}

func main() {
	if os.Getenv("DIE_WITH_PARENT") != "" {
		go dieWith(os.Getppid())
	}
	name := filepath.Base(os.Args[0])
	run, known := programs[name]
	if !known {
		names := slices.Sorted(maps.Keys(programs))
		fmt.Fprintf(os.Stderr, "%s: call this program by one of its names: %s\n", name, strings.Join(names, ", "))
		os.Exit(2)
	}
	run()
}

// dieWith ends this process when its parent has ended. Linux can do so by itself; other systems cannot.
func dieWith(parent int) {
	for os.Getppid() == parent {
		time.Sleep(500 * time.Millisecond)
	}
	os.Exit(1)
}

func kubectl() {
	// As in kubectl's own main: the verbosity applies from the first line on, and errors are printed in kubectl's form.
	_, _ = logs.GlogSetter(cmd.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
