// A workspace in Go, with the SDK that `pulumi package add` writes.
package main

import (
	"git.example.com/platform/ambient-components/sdk/go/ambient"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func program(ctx *pulumi.Context) error {
	anthropic := config.RequireSecret(ctx, "anthropic")
	workspaces, err := ambient.NewWorkspaces(ctx, "workspaces", &ambient.WorkspacesArgs{
		Workspaces: map[string]ambient.WorkspaceEntryArgs{
			"payments": {
				Owners: []string{"user:alice@example.com"},
				Grants: []ambient.WorkspaceGrantArgs{
					{Group: ptr("payments-devs"), Role: ptr(ambient.RoleEdit)},
					{User: ptr("bob@example.com"), Role: ptr(ambient.RoleView)},
				},
				Keys:    map[string]ambient.WorkspaceKeyArgs{"ci": {Role: ptr(ambient.RoleEdit), Lifetime: ptr("30d")}},
				Secrets: &ambient.WorkspaceSecretsArgs{Runner: map[string]pulumi.StringInput{"ANTHROPIC_API_KEY": anthropic}},
				Storage: &ambient.WorkspaceStorageArgs{
					Bucket: &ambient.WorkspaceBucketArgs{Name: "payments-sessions", Protect: ptr(false)},
				},
				Limits: &ambient.LimitsArgs{
					Quota: map[string]pulumi.Input{"requests.cpu": pulumi.Int(20), "pods": pulumi.Int(50)},
				},
				Protect: ptr(false),
			},
		},
	})
	if err != nil {
		return err
	}
	ctx.Export("ci", workspaces.Tokens.ApplyT(func(tokens map[string]map[string]string) string {
		return tokens["payments"]["ci"]
	}))
	return nil
}

func ptr[T any](value T) *T {
	return &value
}

func main() {
	pulumi.Run(program)
}
