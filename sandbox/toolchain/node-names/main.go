// CoreDNS with the plugins that the nodes' names need, and no others: its own program has fifty, with clouds' modules.
package main

import (
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/hosts"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
)

func init() { dnsserver.Directives = []string{"ready", "errors", "hosts", "kubernetes"} }

func main() { coremain.Run() }
