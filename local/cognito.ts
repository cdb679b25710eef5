import { randomBytes, randomUUID, scryptSync, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportJWK, generateKeyPair, importJWK, type JSONWebKeySet, type JWK, SignJWT } from "jose";
import type { PlatformClock } from "./parts.ts";

interface User {
  username: string;
  sub: string;
  salt: string;
  hash: string;
}

export interface Cognito {
  readonly issuer: string;
  readonly jwks: JSONWebKeySet;
  readonly adminSub: string;
  /** Where the first administrator's user name and password are kept. */
  readonly adminFile: string;
  /** Adds a user, or sets a known user's password; answers the subject, which never changes. */
  createUser(user: { username: string; password: string }): { sub: string };
  /** An access token as Cognito makes it, valid for an hour of platform time; undefined for a wrong name or password. */
  signIn(
    username: string,
    password: string,
  ): Promise<{ access_token: string; expires_in: number; token_type: "Bearer" } | undefined>;
}

const lifetimeSeconds = 3600;

/**
 * The local issuer of staff access tokens: signing key, users and the first administrator live in `dataDir`.
 * `issuer` and `clientId` are those that the template's JWT authorizer trusts.
 */
export async function createCognito(parts: {
  dataDir: string;
  clock: PlatformClock;
  issuer: string;
  clientId: string;
  scope?: string;
}): Promise<Cognito> {
  const { dataDir, clock, issuer, clientId, scope = "ops/console" } = parts;
  const keyFile = join(dataDir, "staff-signing-key.json");
  const usersFile = join(dataDir, "staff-users.json");
  const adminFile = join(dataDir, "admin.json");
  if (!existsSync(keyFile)) {
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    writeSecret(keyFile, { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: "RS256", use: "sig" });
  }
  const jwk = JSON.parse(readFileSync(keyFile, "utf8")) as JWK;
  const key = await importJWK(jwk, "RS256");
  const jwks: JSONWebKeySet = {
    keys: [{ kty: "RSA", n: jwk.n!, e: jwk.e!, kid: jwk.kid!, alg: "RS256", use: "sig" }],
  };
  const users = new Map<string, User>(
    existsSync(usersFile)
      ? (JSON.parse(readFileSync(usersFile, "utf8")) as User[]).map((user) => [user.username, user])
      : [],
  );

  const createUser: Cognito["createUser"] = ({ username, password }) => {
    const salt = randomBytes(16).toString("base64");
    const sub = users.get(username)?.sub ?? randomUUID();
    users.set(username, { username, sub, salt, hash: hashed(password, salt) });
    writeSecret(usersFile, [...users.values()]);
    return { sub };
  };

  if (!existsSync(adminFile)) {
    const admin = { username: "admin", password: randomBytes(15).toString("base64url") };
    createUser(admin);
    writeSecret(adminFile, admin);
  }
  const admin = JSON.parse(readFileSync(adminFile, "utf8")) as { username: string; password: string };
  const adminSub = users.get(admin.username)?.sub ?? createUser(admin).sub;

  return {
    issuer,
    jwks,
    adminSub,
    adminFile,
    createUser,
    async signIn(username, password) {
      const user = users.get(username);
      // An unknown name costs as much time as a wrong password.
      const given = Buffer.from(hashed(password, user?.salt ?? "none"));
      if (!user || !timingSafeEqual(given, Buffer.from(user.hash))) return undefined;
      const now = Math.floor(clock.now() / 1000);
      const claims = { client_id: clientId, token_use: "access", scope, auth_time: now, version: 2, username };
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: "RS256", kid: jwk.kid! })
        .setSubject(user.sub)
        .setIssuer(issuer)
        .setIssuedAt(now)
        .setExpirationTime(now + lifetimeSeconds)
        .setJti(randomUUID())
        .sign(key);
      return { access_token: token, expires_in: lifetimeSeconds, token_type: "Bearer" };
    },
  };
}

function hashed(password: string, salt: string): string {
  return scryptSync(password, salt, 32).toString("base64");
}

function writeSecret(file: string, value: unknown): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
