import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Gateway } from "./gateway.ts";
import type { Policies } from "./iam.ts";
import type { PlatformClock, Template } from "./parts.ts";
import { REGION, refOf } from "./template.ts";

export interface S3 {
  url: string;
  stop(): Promise<void>;
}

/** A refusal in S3's words. */
class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
const denied = (message: string) => new Refused(403, "AccessDenied", message);

const FORM_LIMIT = 20 * 1024 * 1024;
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/**
 * Speaks S3 for the template's buckets, on a port of its own of 127.0.0.1, since members' apps call it themselves: browser-based
 * uploads (POST with a policy), and GET and HEAD with a signed query, path style. Holds each to signature, expiry, the policy's
 * conditions, and the rights of the function that signed. Objects lie in `<dataDir>/s3`.
 */
export async function startS3({
  template,
  dataDir,
  clock,
  gateway,
  policies,
}: {
  template: Template;
  dataDir: string;
  clock: Pick<PlatformClock, "now">;
  gateway: Pick<Gateway, "functionOf">;
  policies: Pick<Policies, "check">;
}): Promise<S3> {
  const folder = join(dataDir, "s3");
  mkdirSync(folder, { recursive: true });
  const buckets = new Set(template.byType("AWS::S3::Bucket").map(refOf));
  const fileOf = (bucket: string, key: string) => join(folder, sha256(`${bucket}/${key}`));

  /** The function that signed `text` under a credential of S3; its secret is its access key. */
  const signer = (credential: string, algorithm: string, text: string, signature: string): string => {
    const [accessKey = "", day = "", region = "", service = "", end = ""] = credential.split("/");
    const functionId = gateway.functionOf(accessKey);
    if (!functionId) throw new Refused(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist.");
    if (algorithm !== "AWS4-HMAC-SHA256" || region !== REGION || service !== "s3" || end !== "aws4_request")
      throw new Refused(400, "AuthorizationQueryParametersError", `The credential ${credential} is malformed.`);
    const key = [day, region, service, end].reduce<string | Buffer>(hmac, `AWS4${accessKey}`);
    const expected = hmac(key as Buffer, text).toString("hex");
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, Buffer.from(expected)))
      throw new Refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.");
    return functionId;
  };
  const permit = (functionId: string, action: string, bucket: string, key: string): void => {
    const refusal = policies.check(functionId, [{ action, resource: `arn:aws:s3:::${bucket}/${key}` }]);
    if (refusal) throw denied(refusal.message);
  };

  const post = async (bucket: string, contentType: string, body: Buffer): Promise<number> => {
    const form = await new Response(new Uint8Array(body), { headers: { "content-type": contentType } })
      .formData()
      .catch(() => {
        throw new Refused(400, "MalformedPOSTRequest", "The body is not well-formed multipart/form-data.");
      });
    const fields = new Map<string, string>([["bucket", bucket]]);
    for (const [name, value] of form) if (typeof value === "string") fields.set(name.toLowerCase(), value);
    const file = form.get("file");
    if (!(file instanceof Blob)) throw new Refused(400, "InvalidArgument", "POST requires exactly one file upload.");
    const field = (name: string): string => {
      const value = fields.get(name);
      if (value === undefined) throw denied(`Bucket POST must contain a field named '${name}'.`);
      return value;
    };
    const policy = field("policy");
    const functionId = signer(field("x-amz-credential"), field("x-amz-algorithm"), policy, field("x-amz-signature"));
    const key = field("key");
    obey(JSON.parse(Buffer.from(policy, "base64").toString()) as Policy, fields, file.size, clock.now());
    permit(functionId, "s3:PutObject", bucket, key);
    const path = fileOf(bucket, key);
    const content = Buffer.from(await file.arrayBuffer());
    writeFileSync(`${path}.new`, Buffer.concat([Buffer.from(`${fields.get("content-type") ?? ""}\n`), content]));
    renameSync(`${path}.new`, path);
    return Number(fields.get("success_action_status") ?? 204);
  };

  const get = (method: string, url: URL, host: string, bucket: string, key: string) => {
    const one = (name: string) => url.searchParams.get(name) ?? "";
    const query = [...url.searchParams]
      .filter(([name]) => name !== "X-Amz-Signature")
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
      .sort()
      .join("&");
    const request = [method, url.pathname, query, `host:${host}`, "", "host", "UNSIGNED-PAYLOAD"].join("\n");
    const time = one("X-Amz-Date");
    const credential = one("X-Amz-Credential");
    const text = [one("X-Amz-Algorithm"), time, credential.split("/").slice(1).join("/"), sha256(request)].join("\n");
    const functionId = signer(credential, one("X-Amz-Algorithm"), text, one("X-Amz-Signature"));
    const signedAt = Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
    if (!(clock.now() < signedAt + Number(one("X-Amz-Expires")) * 1_000)) throw denied("Request has expired");
    permit(functionId, "s3:GetObject", bucket, key);
    let stored: Buffer;
    try {
      stored = readFileSync(fileOf(bucket, key));
    } catch {
      // nobody here may list, and S3 then does not tell what is not there
      throw denied("Access Denied");
    }
    const line = stored.indexOf("\n");
    return { type: stored.subarray(0, line).toString(), content: stored.subarray(line + 1) };
  };

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method = "GET", headers } = incoming;
    const host = headers.host ?? "";
    const url = new URL(incoming.url ?? "/", `http://${host}`);
    const [bucket = "", ...rest] = url.pathname.slice(1).split("/").map(decodeURIComponent);
    const body = await readBody(incoming);
    if (!buckets.has(bucket)) throw new Refused(404, "NoSuchBucket", "The specified bucket does not exist");
    if (method === "POST") {
      outgoing.writeHead(await post(bucket, headers["content-type"] ?? "", body)).end();
      return;
    }
    if (method !== "GET" && method !== "HEAD")
      throw new Refused(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
    const { type, content } = get(method, url, host, bucket, rest.join("/"));
    outgoing.writeHead(200, { "content-type": type, "content-length": content.length });
    outgoing.end(method === "GET" ? content : undefined);
  };

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch((error: Error) => {
      const { status, code } = error instanceof Refused ? error : new Refused(500, "InternalError", error.message);
      const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${escaped(error.message)}</Message></Error>`;
      outgoing.writeHead(status, { "content-type": "application/xml" });
      outgoing.end(incoming.method === "HEAD" ? undefined : text);
    });
  });
  await new Promise<void>((done, failed) => server.once("error", failed).listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

type Condition = Record<string, string> | [string, string | number, string | number];
interface Policy {
  expiration: string;
  conditions: Condition[];
}
/** Fields that a policy need not speak of. */
const UNSAID = new Set(["policy", "x-amz-signature", "file", "bucket"]);

/** Holds a form to its policy, as https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html says. */
function obey(
  { expiration, conditions }: Policy,
  fields: ReadonlyMap<string, string>,
  size: number,
  now: number,
): void {
  const invalid = (why: string) => denied(`Invalid according to Policy: ${why}`);
  if (!(now < Date.parse(expiration))) throw invalid("Policy expired.");
  const said = new Set<string>();
  for (const condition of conditions) {
    const [test, name, value] = Array.isArray(condition)
      ? condition
      : ["eq", `$${Object.keys(condition)[0]}`, Object.values(condition)[0]!];
    if (test === "content-length-range") {
      if (size < Number(name))
        throw new Refused(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
      if (size > Number(value))
        throw new Refused(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
      continue;
    }
    const field = String(name).slice(1).toLowerCase();
    said.add(field);
    const given = fields.get(field) ?? "";
    if (test === "eq" ? given !== value : test !== "starts-with" || !given.startsWith(String(value)))
      throw invalid(`Policy Condition failed: ["${test}", "${name}", "${value}"]`);
  }
  for (const name of fields.keys())
    if (!UNSAID.has(name) && !said.has(name) && !name.startsWith("x-ignore-"))
      throw invalid(`Extra input fields: ${name}`);
}

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += (chunk as Buffer).length;
    // read to its end: who sends does not listen before
    if (bytes <= FORM_LIMIT) chunks.push(chunk as Buffer);
  }
  if (bytes > FORM_LIMIT)
    throw new Refused(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
  return Buffer.concat(chunks);
}
