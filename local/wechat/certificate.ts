import { type KeyObject, sign } from "node:crypto";

/** One DER value: tag, length, content. */
function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.from(content.length.toString(16).padStart(content.length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content]);
}

const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const sha256WithRsa = sequence(Buffer.from("06092a864886f70d01010b", "hex"), der(0x05));
const commonName = (text: string) =>
  sequence(der(0x31, sequence(Buffer.from("0603550403", "hex"), der(0x0c, Buffer.from(text)))));
/** UTCTime: YYMMDDHHMMSSZ, for years before 2050. */
const utcTime = (ms: number) =>
  der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replaceAll(/[-T:]/g, "")}Z`));

/**
 * A self-signed X.509 certificate in PEM, as GET /v3/certificates hands out. `serial` is upper-case hex and must start
 * below 80; times are epoch ms.
 */
export function selfSignedCertificate(of: {
  serial: string;
  name: string;
  publicKey: KeyObject;
  privateKey: KeyObject;
  from: number;
  until: number;
}): string {
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from(of.serial, "hex")),
    sha256WithRsa,
    commonName(of.name),
    sequence(utcTime(of.from), utcTime(of.until)),
    commonName(of.name),
    of.publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = sign("sha256", body, of.privateKey);
  const base64 = sequence(body, sha256WithRsa, der(0x03, Buffer.from([0]), signature)).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join("\n")}\n-----END CERTIFICATE-----\n`;
}
