/**
 * Commands for a shell that show the main job: alice of project alpha offers an image to project beta, bob accepts it
 * and sees it in beta's list, alice withdraws the offer.
 *
 * @param url - of the server, without a slash at the end
 * @param identity - whose tokens it believes; with any but `dev`, a token has to come from elsewhere
 */
export function exampleCommands(url: string, identity = 'dev'): string {
  if (identity !== 'dev') return `curl -sS ${url}/v2/images -H "X-Auth-Token: $TOKEN" -w '\\n'`;
  return `images=${url}/v2/images
alice='X-Auth-Token: dev:alice:alpha:member'
bob='X-Auth-Token: dev:bob:beta:member'
id=$(node -p 'crypto.randomUUID()')

# alice creates an image of project alpha and offers it to project beta
curl -sS "$images" -H "$alice" -H 'Content-Type: application/json' -d '{"id": "'$id'", "name": "first"}' -w '\\n'
curl -sS "$images/$id/members" -H "$alice" -H 'Content-Type: application/json' -d '{"member": "beta"}' -w '\\n'
# bob accepts it, and beta's list shows it
curl -sS -X PUT "$images/$id/members/beta" -H "$bob" -H 'Content-Type: application/json' -d '{"status": "accepted"}' -w '\\n'
curl -sS "$images" -H "$bob" -w '\\n'
# alice withdraws it
curl -sS -X DELETE "$images/$id/members/beta" -H "$alice" -w '%{http_code}\\n'`;
}
