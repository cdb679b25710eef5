import { randomUUID } from "node:crypto";
import * as z from "zod";

/** The longest an answer may take, real ms; waiting for the platform to be idle has its own, shorter limit. */
const patience = 30_000;
const problem = z.object({ status: z.int(), code: z.string().default("?"), title: z.string().default("") });

/** An answer that is no 2xx. */
class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(request: string, { status, code, title }: z.infer<typeof problem>, body: string) {
    super(`${request} answered ${status} ${code} ${title}: ${body.slice(0, 600)}`);
    this.status = status;
    this.code = code;
  }
}

/** Somebody who calls the platform. What is read of an answer is declared by its schema, and parsed by it. */
export interface Caller {
  get<S extends z.ZodType>(path: string, answer: S): Promise<z.output<S>>;
  post<S extends z.ZodType>(path: string, body: object | undefined, answer: S): Promise<z.output<S>>;
  put<S extends z.ZodType>(path: string, body: object, answer: S): Promise<z.output<S>>;
  /** Posts what is expected to be refused; answers "status CODE", also when it is not. */
  refusal(path: string, body?: object): Promise<string>;
}

export interface Member extends Caller {
  readonly name: string;
  readonly memberId: string;
}

const tokenAnswer = z.object({ accessToken: z.string(), refreshToken: z.string(), memberId: z.string() });

/** Callers of the platform at `url`: its local controls, members and staff. A post carries an Idempotency-Key of its own. */
export function createClient(url: string) {
  async function send(
    method: string,
    path: string,
    body: object | undefined,
    token?: string,
  ): Promise<{ ok: boolean; status: number; text: string }> {
    const form = body instanceof URLSearchParams;
    const response = await fetch(url + path, {
      method,
      signal: AbortSignal.timeout(patience),
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(method === "POST" && { "idempotency-key": randomUUID() }),
        ...(body !== undefined && !form && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: form ? body : JSON.stringify(body) }),
    });
    return { ok: response.ok, status: response.status, text: await response.text() };
  }

  /** `token(again)` gives the bearer token; `again` asks for a new one, since the last has expired. */
  function callerWith(token: (again: boolean) => Promise<string> | undefined): Caller {
    async function call(method: string, path: string, body?: object): Promise<unknown> {
      let answer = await send(method, path, body, await token(false));
      // Access tokens last minutes, and the demo moves the clock by hours.
      if (answer.status === 401) answer = await send(method, path, body, await token(true));
      const json: unknown = answer.text === "" ? undefined : JSON.parse(answer.text);
      if (answer.ok) return json;
      const told = problem.safeParse(json).data ?? { status: answer.status, code: "?", title: "" };
      throw new Refused(`${method} ${path}`, told, answer.text);
    }
    return {
      get: async (path, answer) => answer.parse(await call("GET", path)),
      post: async (path, body, answer) => answer.parse(await call("POST", path, body)),
      put: async (path, body, answer) => answer.parse(await call("PUT", path, body)),
      async refusal(path, body) {
        try {
          await call("POST", path, body);
        } catch (error) {
          if (error instanceof Refused) return `${error.status} ${error.code}`;
          throw error;
        }
        return "2xx";
      },
    };
  }

  const local = callerWith(() => undefined);
  const open = callerWith(() => undefined);

  return {
    local,

    /** Signs a WeChat user in; the first time makes the member. */
    async member(name: string): Promise<Member> {
      const { code } = await local.post("/_local/wechat/login-code", { user: name }, z.object({ code: z.string() }));
      let session = await open.post("/v1/login", { code }, tokenAnswer);
      const caller = callerWith(async (again) => {
        if (again) {
          const { refreshToken } = session;
          const fresh = await open.post("/v1/session/refresh", { refreshToken }, tokenAnswer.omit({ memberId: true }));
          session = { ...session, ...fresh };
        }
        return session.accessToken;
      });
      return { ...caller, name, memberId: session.memberId };
    },

    /** Signs a staff user in at the local stand-in of the user pool. */
    staff(username: string, password: string): Caller {
      let token: string | undefined;
      return callerWith(async (again) => {
        if (again || token === undefined) {
          const form = new URLSearchParams({ grant_type: "password", username, password });
          const answer = await local.post("/_local/cognito/oauth2/token", form, z.object({ access_token: z.string() }));
          token = answer.access_token;
        }
        return token;
      });
    },
  };
}

export type Client = ReturnType<typeof createClient>;
