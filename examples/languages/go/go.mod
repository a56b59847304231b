module workspaces

go 1.24

require (
	git.example.com/platform/ambient-components/sdk/go v0.0.0
	github.com/pulumi/pulumi/sdk/v3 v3.274.1
)

replace git.example.com/platform/ambient-components/sdk/go => ../../../build/sdks/go
