package workspaces;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import com.pulumi.ambient.Workspaces;
import com.pulumi.ambient.WorkspacesArgs;
import com.pulumi.ambient.enums.Role;
import com.pulumi.ambient.inputs.LimitsArgs;
import com.pulumi.ambient.inputs.WorkspaceBucketArgs;
import com.pulumi.ambient.inputs.WorkspaceEntryArgs;
import com.pulumi.ambient.inputs.WorkspaceGrantArgs;
import com.pulumi.ambient.inputs.WorkspaceKeyArgs;
import com.pulumi.ambient.inputs.WorkspaceSecretsArgs;
import com.pulumi.ambient.inputs.WorkspaceStorageArgs;
import com.pulumi.core.Either;
import java.util.Map;

public final class App {
    public static void main(String[] args) {
        Pulumi.run(App::program);
    }

    static void program(Context ctx) {
        // The SDK of Java takes no outputs in maps. The plugin makes it a secret again.
        var anthropic = ctx.config().require("anthropic");
        var payments = WorkspaceEntryArgs.builder()
            .owners("user:alice@example.com")
            .grants(
                WorkspaceGrantArgs.builder().group("payments-devs").role(Role.Edit).build(),
                WorkspaceGrantArgs.builder().user("bob@example.com").role(Role.View).build())
            .keys(Map.of("ci", WorkspaceKeyArgs.builder().role(Role.Edit).lifetime("30d").build()))
            .secrets(WorkspaceSecretsArgs.builder().runner(Map.of("ANTHROPIC_API_KEY", anthropic)).build())
            .storage(WorkspaceStorageArgs.builder()
                .bucket(WorkspaceBucketArgs.builder().name("payments-sessions").protect(false).build())
                .build())
            .limits(LimitsArgs.builder()
                .quota(Map.of("requests.cpu", Either.ofRight(20.0), "pods", Either.ofRight(50.0)))
                .build())
            .protect(false)
            .build();
        var workspaces = new Workspaces("workspaces", WorkspacesArgs.builder()
            .workspaces(Map.of("payments", payments))
            .build());
        ctx.export("ci", workspaces.tokens().applyValue(tokens -> tokens.get("payments").get("ci")));
    }
}
