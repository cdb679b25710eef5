import { Aws, Duration, type RemovalPolicy } from "aws-cdk-lib";
import {
  AccountRecovery,
  Mfa,
  OAuthScope,
  ResourceServerScope,
  UserPool,
  type UserPoolClient,
} from "aws-cdk-lib/aws-cognito";
import { Construct } from "constructs";

export interface StaffPoolProps {
  /** First part of the sign-in page's host name; the account's number follows, since it must be unique in the world. */
  readonly domainPrefix: string;
  /** Where Cognito may send a signed-in person's code. */
  readonly callbackUrls: string[];
  readonly removalPolicy: RemovalPolicy;
  readonly keepsData: boolean;
}

/** The staff's accounts: made by an admin, a second factor always, access tokens with the scope `ops/console`. */
export class StaffPool extends Construct {
  readonly pool: UserPool;
  readonly client: UserPoolClient;
  /** `iss` of the tokens. */
  readonly issuer: string;
  readonly signInUrl: string;
  static readonly scope = "ops/console";

  constructor(scope: Construct, id: string, props: StaffPoolProps) {
    super(scope, id);
    this.pool = new UserPool(this, "Pool", {
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      signInCaseSensitive: false,
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { otp: true, sms: false },
      passwordPolicy: {
        minLength: 14,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: true,
        tempPasswordValidity: Duration.days(3),
      },
      accountRecovery: AccountRecovery.EMAIL_ONLY,
      deletionProtection: props.keepsData,
      removalPolicy: props.removalPolicy,
    });
    const consoleScope = new ResourceServerScope({ scopeName: "console", scopeDescription: "Use the ops console" });
    const server = this.pool.addResourceServer("Ops", { identifier: "ops", scopes: [consoleScope] });
    this.client = this.pool.addClient("Console", {
      // A page in a browser keeps no secret; it proves itself by PKCE.
      generateSecret: false,
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.OPENID, OAuthScope.custom(StaffPool.scope)],
        callbackUrls: props.callbackUrls,
        logoutUrls: props.callbackUrls,
      },
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      accessTokenValidity: Duration.minutes(15),
      idTokenValidity: Duration.minutes(15),
      // A long working day; the next one starts with the second factor again.
      refreshTokenValidity: Duration.hours(12),
    });
    this.client.node.addDependency(server);
    const domain = this.pool.addDomain("SignIn", {
      cognitoDomain: { domainPrefix: `${props.domainPrefix}-${Aws.ACCOUNT_ID}` },
    });
    this.signInUrl = domain.baseUrl();
    this.issuer = `https://cognito-idp.${Aws.REGION}.amazonaws.com/${this.pool.userPoolId}`;
  }
}
