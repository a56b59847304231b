import * as ambient from "@ambient-components/ambient";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const workspaces = new ambient.Workspaces("workspaces", {
    workspaces: {
        payments: {
            owners: ["user:alice@example.com"],
            grants: [
                { group: "payments-devs", role: "edit" },
                { user: "bob@example.com", role: "view" },
            ],
            keys: { ci: { role: "edit", lifetime: "30d" } },
            secrets: { runner: { ANTHROPIC_API_KEY: config.requireSecret("anthropic") } },
            storage: { bucket: { name: "payments-sessions", protect: false } },
            limits: { quota: { "requests.cpu": 20, pods: 50 } },
            protect: false,
        },
    },
});

export const ci = workspaces.tokens.apply(tokens => tokens.payments.ci);
