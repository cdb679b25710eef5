import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, test } from "vitest";
import { bucketPlace, s3Evidence } from "../../functions/adapters/s3/evidence.ts";
import { day } from "../../shared/kernel/time.ts";

const credentials = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const clock = { now: () => Date.UTC(2013, 4, 24) };
const place = {
  bucket: "examplebucket",
  region: "us-east-1",
  base: "https://examplebucket.s3.amazonaws.com",
  credentials,
};

test("an address is signed as the service's own example is", () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
  const url = new URL(s3Evidence(place, { clock }, day).view("test.txt"));
  expect(url.searchParams.get("X-Amz-Signature")).toBe(
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
});

test("a form says all that its policy asks for, and holds for ten minutes", () => {
  const session = { ...place, credentials: { ...credentials, sessionToken: "token" } };
  const { url, fields, expiresAt, maxBytes } = s3Evidence(session, { clock }).upload("evidence/1.png", "image/png");
  const policy = JSON.parse(Buffer.from(fields.policy!, "base64").toString());
  expect({ url, until: expiresAt - clock.now(), maxBytes, expiration: policy.expiration }).toEqual({
    url: place.base,
    until: 600_000,
    maxBytes: 5_242_880,
    expiration: "2013-05-24T00:10:00.000Z",
  });
  const { policy: _, "x-amz-signature": signature, ...said } = fields;
  expect(signature).toMatch(/^[0-9a-f]{64}$/);
  expect(policy.conditions).toEqual([
    { bucket: "examplebucket" },
    ["content-length-range", 1, 5_242_880],
    ...Object.entries(said).map(([name, value]) => ({ [name]: value })),
  ]);
  expect(said).toMatchObject({ key: "evidence/1.png", "Content-Type": "image/png", "x-amz-security-token": "token" });
});

test("a bucket is found by its region, or where a stand-in is", () => {
  const environment = { AWS_REGION: "ap-northeast-1", AWS_ACCESS_KEY_ID: "AK", AWS_SECRET_ACCESS_KEY: "SK" };
  expect(bucketPlace("b", environment).base).toBe("https://b.s3.ap-northeast-1.amazonaws.com");
  expect(bucketPlace("b", { ...environment, AWS_REGION: "cn-north-1" }).base).toBe(
    "https://b.s3.cn-north-1.amazonaws.com.cn",
  );
  expect(bucketPlace("b", { ...environment, AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9" }).base).toBe(
    "http://127.0.0.1:9/b",
  );
  expect(() => bucketPlace("b", {})).toThrow("AWS_REGION");
});

let status = 200;
const server = createServer((_, response) => response.writeHead(status).end());
await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
afterAll(() => new Promise((done) => server.close(done)));

test("what is there is there, what is not is not, and what can't be told may be asked again", async () => {
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/b`;
  const { arrived } = s3Evidence({ ...place, base }, { clock });
  expect(await arrived("evidence/1.png")).toBe(true);
  for (status of [403, 404]) expect(await arrived("evidence/1.png")).toBe(false);
  status = 503;
  await expect(arrived("evidence/1.png")).rejects.toThrow("TRY_AGAIN");
  const nowhere = s3Evidence({ ...place, base: "http://127.0.0.1:9/b" }, { clock });
  await expect(nowhere.arrived("evidence/1.png")).rejects.toThrow("TRY_AGAIN");
});
