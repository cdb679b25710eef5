import { createHmac, hash } from "node:crypto";
import type { EvidenceStore } from "../../../shared/aftersale/ports.ts";
import type { Env } from "../../../shared/kernel/env.ts";
import { PICTURE_HEAD } from "../../../shared/kernel/pictures.ts";
import { DomainError } from "../../../shared/kernel/problem.ts";
import { minute, second, toUtc } from "../../../shared/kernel/time.ts";

/** A bucket as its objects are reached: `<base>/<key>`. */
export interface BucketPlace {
  bucket: string;
  base: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/** A phone's photo; the mini-program sends it compressed, at some 300 KB. */
const MAX_BYTES = 5 * 1024 * 1024;
const ALGORITHM = "AWS4-HMAC-SHA256";
/** How long the service may take to say whether it has a picture, ms. */
const SILENCE_MS = 3_000;

/** Lambda gives a function its region and credentials in the environment; a stand-in is found by the variable that the SDKs read too. */
export function bucketPlace(bucket: string, environment: Record<string, string | undefined>): BucketPlace {
  const {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_ENDPOINT_URL_S3: endpoint,
  } = environment;
  if (!region || !accessKeyId || !secretAccessKey)
    throw new Error("set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: Lambda gives them to a function");
  const ending = region.startsWith("cn-") ? ".cn" : "";
  return {
    bucket,
    region,
    base: endpoint ? `${endpoint}/${bucket}` : `https://${bucket}.s3.${region}.amazonaws.com${ending}`,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
  };
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/**
 * Pictures in a bucket of S3. What clients do there is signed here and not asked of S3: a form (POST policy) and addresses (query) in
 * Signature Version 4, https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html and …/sigv4-query-string-auth.html.
 * They hold for `validMs`, and no longer than the function's credentials.
 */
export function s3Evidence(
  { bucket, base, region, credentials }: BucketPlace,
  { clock }: Pick<Env, "clock">,
  validMs = 10 * minute,
): EvidenceStore {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const root = new URL(`${base}/`);

  /** Of now: 20261127T003225Z, the scope of its day, and the signing of a text in it. */
  const moment = () => {
    const at = clock.now();
    const time = toUtc(at).replace(/[-:]|\.\d+/g, "");
    const parts = [time.slice(0, 8), region, "s3", "aws4_request"];
    const sign = (text: string): string =>
      hmac(parts.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`) as Buffer, text).toString("hex");
    return { at, time, scope: parts.join("/"), sign };
  };

  const address = (method: "GET" | "HEAD", key: string): string => {
    const { time, scope, sign } = moment();
    const path = root.pathname + key.split("/").map(encodeURIComponent).join("/");
    const query = [
      ["X-Amz-Algorithm", ALGORITHM],
      ["X-Amz-Credential", `${accessKeyId}/${scope}`],
      ["X-Amz-Date", time],
      ["X-Amz-Expires", String(Math.floor(validMs / second))],
      ...(sessionToken ? [["X-Amz-Security-Token", sessionToken]] : []),
      ["X-Amz-SignedHeaders", "host"],
    ]
      .map(([name = "", value = ""]) => `${name}=${encodeURIComponent(value)}`)
      .join("&");
    const request = [method, path, query, `host:${root.host}`, "", "host", "UNSIGNED-PAYLOAD"].join("\n");
    const signature = sign([ALGORITHM, time, scope, hash("sha256", request, "hex")].join("\n"));
    return `${root.origin}${path}?${query}&X-Amz-Signature=${signature}`;
  };

  /** The service's answer about a picture; undefined where there is none. */
  const ask = async (method: "GET" | "HEAD", key: string, headers: Record<string, string> = {}) => {
    const unknown = () => new DomainError("TRY_AGAIN", "whether the pictures are there can't be told");
    const answer = await fetch(address(method, key), {
      method,
      headers,
      signal: AbortSignal.timeout(SILENCE_MS),
    }).catch(() => {
      throw unknown();
    });
    // without the right to list, S3 answers 403 for what is not there
    if (answer.status === 403 || answer.status === 404) return undefined;
    if (!answer.ok) throw unknown();
    return answer;
  };

  return {
    upload(key, type) {
      const { at, time, scope, sign } = moment();
      const expiresAt = at + validMs;
      const said = {
        key,
        "Content-Type": type,
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": `${accessKeyId}/${scope}`,
        "x-amz-date": time,
        ...(sessionToken && { "x-amz-security-token": sessionToken }),
      };
      const conditions = [
        { bucket },
        ["content-length-range", 1, MAX_BYTES],
        ...Object.entries(said).map(([name, value]) => ({ [name]: value })),
      ];
      const policy = Buffer.from(JSON.stringify({ expiration: toUtc(expiresAt), conditions })).toString("base64");
      const fields = { ...said, policy, "x-amz-signature": sign(policy) };
      return { url: root.href.replace(/(?<=[^/:])\/$/, ""), fields, maxBytes: MAX_BYTES, expiresAt };
    },
    view: (key) => address("GET", key),
    arrived: async (key) => (await ask("HEAD", key)) !== undefined,
    async head(key) {
      const answer = await ask("GET", key, { Range: `bytes=0-${PICTURE_HEAD - 1}` });
      return answer && new Uint8Array(await answer.arrayBuffer()).subarray(0, PICTURE_HEAD);
    },
  };
}
