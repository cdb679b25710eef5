import type { RemovalPolicy } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import {
  HttpApi,
  HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  type IHttpRouteAuthorizer,
  LogGroupLogDestination,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { Handler } from "./handler.ts";

export interface EntranceProps {
  readonly name: string;
  readonly description: string;
  readonly throttle: { readonly rate: number; readonly burst: number };
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

// An allow-list without addresses, tokens, paths' ids or bodies: access logs hold no personal data.
const accessLine = {
  requestId: "$context.requestId",
  time: "$context.requestTimeEpoch",
  route: "$context.routeKey",
  status: "$context.status",
  responseLength: "$context.responseLength",
  latencyMs: "$context.responseLatency",
  integrationLatencyMs: "$context.integrationLatency",
  integrationStatus: "$context.integrationStatus",
  integrationError: "$context.integrationErrorMessage",
  authorizerError: "$context.authorizer.error",
};

/** The HTTP API with its one stage. No CORS: mini-programs need none. */
export class Entrance extends Construct {
  readonly api: HttpApi;

  constructor(scope: Construct, id: string, props: EntranceProps) {
    super(scope, id);
    this.api = new HttpApi(this, "Api", {
      apiName: props.name,
      description: props.description,
      createDefaultStage: false,
    });
    new HttpStage(this, "Stage", {
      httpApi: this.api,
      stageName: "$default",
      autoDeploy: true,
      throttle: { rateLimit: props.throttle.rate, burstLimit: props.throttle.burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, "AccessLog", { retention: props.logRetention, removalPolicy: props.removalPolicy }),
        ),
        format: AccessLogFormat.custom(JSON.stringify(accessLine)),
      },
    });
  }

  /** Sends `ANY <path>`, or every request no other route takes, to `to`. */
  route(
    path: string | "$default",
    to: Handler,
    guard: { authorizer?: IHttpRouteAuthorizer; scopes?: string[] } = {},
  ): void {
    new HttpRoute(this, `${to.node.id}Route`, {
      httpApi: this.api,
      routeKey: path === "$default" ? HttpRouteKey.DEFAULT : HttpRouteKey.with(path, HttpMethod.ANY),
      integration: new HttpLambdaIntegration(to.node.id, to.live),
      ...(guard.authorizer && { authorizer: guard.authorizer }),
      ...(guard.scopes && { authorizationScopes: guard.scopes }),
    });
  }
}
