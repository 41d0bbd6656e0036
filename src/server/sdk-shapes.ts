/**
 * A project and a user → the shapes that SDKs made for the reference expect. No I/O.
 *
 * The reference knows integrations that users connect; here a project has one, connected for everybody.
 */
import { createHash } from "node:crypto";
import type { UserState } from "../engine/users.ts";
import type { JsonObject } from "../json.ts";
import type { Definition } from "../workflow/definition.ts";

/** Name of the one integration. */
const TYPE = "wf";
/** Of ids that are made here, by RFC 9562 section 5.5. */
const NAMESPACE = Buffer.from("8d1f3c5ab0c94f0e9a1774662d73646b", "hex");
/** Nothing is known of it; the shapes want a date. */
const EPOCH = new Date(0).toISOString();

/** Workflows that a user may start: those that ask for a user token, or for nothing. */
export function workflowsOfUsers(definitions: ReadonlyMap<string, Definition>): readonly Definition[] {
  return [...definitions.values()].filter(
    ({ request: { auth } }) => auth.kind === "user-token" || auth.kind === "none",
  );
}

/** What `GET …/sdk/integrations` answers. */
export function shapeIntegrations(project: string, workflows: readonly Definition[]): readonly JsonObject[] {
  const id = idOf(project, "integration");
  const dates = { dateCreated: EPOCH, dateUpdated: EPOCH };
  return [
    {
      id,
      ...dates,
      projectId: project,
      type: TYPE,
      name: project,
      brandColor: "#000000",
      isActive: true,
      hasCredential: true,
      needPreOauthInputs: false,
      connectedUserLimitOnDevCred: 0,
      connectedUserLimitReached: false,
      sdkIntegrationConfig: null,
      configs: [
        {
          id: idOf(project, "config"),
          ...dates,
          integrationId: id,
          values: {
            description: "",
            workflowMeta: Object.fromEntries(
              workflows.map((workflow) => [workflow.id, { id: workflow.id, infoText: nameOf(workflow), inputs: [] }]),
            ),
            sharedMeta: { inputs: [] },
          },
        },
      ],
      workflows: workflows.map((workflow) => ({
        id: workflow.id,
        ...dates,
        projectId: project,
        integrationId: id,
        description: nameOf(workflow),
      })),
    },
  ];
}

/** What `GET …/sdk/me` answers. */
export function shapeUser(
  project: string,
  userId: string,
  { meta, disabled }: UserState,
  workflows: readonly Definition[],
): JsonObject {
  const integrationId = idOf(project, "integration");
  const credentialId = idOf(project, "credential", userId);
  const workflowSettings = Object.fromEntries(
    workflows.map(({ id }) => [id, { enabled: !disabled.has(id), settings: {} }]),
  );
  const configuration = {
    id: idOf(project, "configuration", userId),
    connectCredentialId: credentialId,
    isDefault: true,
    workflowSettings,
    sharedSettings: {},
    configMeta: {},
  };
  return {
    authenticated: true,
    userId,
    meta,
    resources: [],
    project: { id: project, billingPlan: "enterprise", accessibleFeatures: [] },
    integrations: {
      [TYPE]: {
        enabled: true,
        credentialId,
        credentialConfigId: configuration.id,
        credentialStatus: "VALID",
        providerId: userId,
        providerData: {},
        workflowSettings,
        configuredWorkflows: workflowSettings,
        sharedSettings: {},
        allCredentials: [
          {
            id: credentialId,
            projectId: project,
            integrationId,
            status: "VALID",
            isPreviewCredential: false,
            providerId: userId,
            providerData: {},
            refreshFailureCount: 0,
            dateCreated: EPOCH,
            dateUpdated: EPOCH,
            dateRefreshed: EPOCH,
            configurations: [configuration],
          },
        ],
      },
    },
  };
}

function nameOf({ id, name }: Definition): string {
  return name ?? id;
}

/** The same on every server and at every start, in the form that SDKs take for an id. */
function idOf(...names: readonly string[]): string {
  const bytes = createHash("sha1").update(NAMESPACE).update(JSON.stringify(names)).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
