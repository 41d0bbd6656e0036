/** What `wf init` writes. No I/O. */

export const HELLO_WORKFLOW = `# yaml-language-server: $schema=../.wf/workflow.schema.json
#
# A workflow: a request starts it, its steps run one after the other. The file's name is its id, so
# \`wf serve\` answers it at http://127.0.0.1:4000/triggers/hello. A saved change is live at once.
#
#   wf trigger hello --data '{"name": "Ada", "times": 2}'

name: Hello
description: Greets whoever calls.

trigger:
  request:
    methods: [POST]
    # Rules for the request. One that breaks a rule is answered with 400 and the list of broken rules.
    body:
      name: { type: string, required: true, min_length: 1, max_length: 100 }
      times: { type: integer, minimum: 1, maximum: 10 }
    # query:
    #   source: { required: true, enum: [web, app] }
    # headers:
    #   x-api-version: { equals: "2" }

steps:
  # Without a response step, the caller gets 202 at once and the steps run in the background.
  - id: reply
    response:
      status: 200
      json:
        greeting: Hello \${{ trigger.body.name }}!
        # A value that is one expression keeps its type; \`.?\` reads what may be absent.
        times: \${{ trigger.body.?times.orValue(1) }}

  # Steps after the response still run. Other kinds: http, function, switch, foreach, parallel, workflow, fail.
  # - id: tell
  #   http:
  #     method: POST
  #     url: https://crm.example.com/contacts
  #     headers: { authorization: "Bearer \${{ secrets.CRM_TOKEN }}" }   # from .env or the environment
  #     json: { name: "\${{ trigger.body.name }}" }
  #   retry: { max: 5, delay: 10s }
  #   timeout: 30s
`;

export function settingsFile(project: string): string {
  return `# Settings of the project. All are optional; the values shown are the defaults.

project: ${project}

# server:
#   host: 127.0.0.1
#   port: 4000

# limits:
#   response_timeout: 55s   # how long a caller waits for the response step before it gets 542
#   max_body: 10MB
#   max_executions: 1000    # running at once; more are answered with 429
#   drain: 30s              # how long a stopping server lets executions finish

# auth:                     # keys of the tokens that \`auth: user-token\` takes; \`wf token keys\` makes a pair
#   user_token:
#     keys: [{ pem_file: user-token.pub.pem }]

# retention: 90d            # how long ended executions are kept
`;
}

/** Lines that \`.gitignore\` needs: the server's state, and secrets. */
export const IGNORED: readonly string[] = [".wf/", ".env"];
