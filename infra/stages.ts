/** What differs from stage to stage; everything else is the same template. */
export interface Stage {
  readonly name: StageName;
  /** Table, keys, staff pool and logs outlive the stack, and the stack cannot be deleted by one command. */
  readonly keepsData: boolean;
  /** Base URLs of WeChat's open platform and of WeChat Pay, without a trailing slash. */
  readonly wechat: { readonly apiUrl: string; readonly payUrl: string };
  /** Base of the URLs we hand out (payment notices, staff sign-in); without it, the HTTP API's own address. */
  readonly publicUrl?: string;
  /** What stands in front of the HTTP API; without it the API's own address is the public one, and no origin is asked for. */
  readonly edge?: Edge;
  /** Cognito `sub` of the person who may appoint the first staff; without it nobody can, until a staff row exists. */
  readonly firstAdminSub?: string;
  readonly logRetentionDays: number;
  /** Requests a second, and the burst above it, that the HTTP API lets through in all. Members share carrier addresses. */
  readonly throttle: { readonly rate: number; readonly burst: number };
}

export interface Edge {
  /** Host of `publicUrl`. */
  readonly domain: string;
  /** Certificate of that host in us-east-1, where CloudFront looks for it. */
  readonly certificateArn: string;
  /** Version of the origin secret that the edge sends; the current one where absent. Named while rotating. */
  readonly originSecretVersion?: string;
  /** Requests in five minutes that one address may send. Generous: a carrier's members share one. */
  readonly requestsPerAddress: number;
}

/** What belongs to one deployment and not to the code; comes from the CDK context, e.g. `-c publicUrl=https://shop.example`. */
export interface Own {
  readonly publicUrl?: string | undefined;
  readonly firstAdminSub?: string | undefined;
  readonly certificateArn?: string | undefined;
  readonly originSecretVersion?: string | undefined;
}

/** A hundredth of what the HTTP API lets through in all, over five minutes. */
const requestsPerAddress = 30_000;

type StageName = "local" | "dev" | "prod";

const realWechat = { apiUrl: "https://api.weixin.qq.com", payUrl: "https://api.mch.weixin.qq.com" };

const stages: Record<StageName, Stage> = {
  // The embedded default puts its own listeners in place of these addresses, and names the first admin it has made.
  local: {
    name: "local",
    keepsData: false,
    wechat: { apiUrl: "http://127.0.0.1:8789", payUrl: "http://127.0.0.1:8789" },
    publicUrl: "http://127.0.0.1:8787",
    logRetentionDays: 1,
    throttle: { rate: 10_000, burst: 5_000 },
  },
  dev: {
    name: "dev",
    keepsData: false,
    wechat: realWechat,
    logRetentionDays: 14,
    throttle: { rate: 500, burst: 500 },
  },
  prod: {
    name: "prod",
    keepsData: true,
    wechat: realWechat,
    logRetentionDays: 180,
    throttle: { rate: 10_000, burst: 5_000 },
  },
};

/**
 * The stage of that name. Throws for an unknown name, a URL that is not one, a certificate without a URL, and for `prod`
 * without an edge.
 */
export function stageOf(name: string, own: Own = {}): Stage {
  if (!Object.hasOwn(stages, name)) {
    throw new Error(`There is no stage "${name}"; choose one of ${Object.keys(stages).join(", ")}`);
  }
  const stage = stages[name as StageName];
  const publicUrl = own.publicUrl ?? stage.publicUrl;
  if (publicUrl !== undefined && (!URL.canParse(publicUrl) || publicUrl.endsWith("/"))) {
    throw new Error(
      `publicUrl "${publicUrl}" is no base URL; write it like https://shop.example, without a slash at the end`,
    );
  }
  const firstAdminSub = own.firstAdminSub ?? stage.firstAdminSub;
  const edge = edgeOf(stage, publicUrl, own);
  return { ...stage, ...(publicUrl && { publicUrl }), ...(firstAdminSub && { firstAdminSub }), ...(edge && { edge }) };
}

function edgeOf({ name }: Stage, publicUrl: string | undefined, own: Own): Edge | undefined {
  const { certificateArn, originSecretVersion } = own;
  if (certificateArn === undefined) {
    if (name !== "prod") return undefined;
    throw new Error(
      "prod stands behind an edge of its own: give -c publicUrl=https://… and -c certificateArn=… (of us-east-1)",
    );
  }
  if (!publicUrl?.startsWith("https://")) throw new Error("certificateArn wants -c publicUrl=https://…, whose it is");
  if (!/^arn:aws[\w-]*:acm:us-east-1:\d{12}:certificate\//.test(certificateArn))
    throw new Error(`certificateArn "${certificateArn}" is no certificate in us-east-1, where CloudFront looks for it`);
  return {
    domain: new URL(publicUrl).host,
    certificateArn,
    ...(originSecretVersion && { originSecretVersion }),
    requestsPerAddress,
  };
}
