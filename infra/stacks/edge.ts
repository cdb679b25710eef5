import { CfnOutput, CfnParameter, Duration, RemovalPolicy, SecretValue, Stack } from "aws-cdk-lib";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  HttpVersion,
  OriginProtocolPolicy,
  OriginRequestPolicy,
  OriginSslPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from "aws-cdk-lib/aws-cloudfront";
import { HttpOrigin } from "aws-cdk-lib/aws-cloudfront-origins";
import { CfnDelivery, CfnDeliveryDestination, CfnDeliverySource, LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { CfnLoggingConfiguration, CfnWebACL } from "aws-cdk-lib/aws-wafv2";
import type { Construct } from "constructs";
import type { Edge as EdgeSettings } from "../stages.ts";

export interface EdgeProps extends EdgeSettings {
  readonly stage: string;
  readonly logRetention: RetentionDays;
  /** Name of the origin secret, which the core stack makes and copies to us-east-1. */
  readonly originSecret: string;
}

/** Where notifications come in: signed to the byte and looked at to the byte, which no rule of thumb should do before. */
const hooks = "/hooks/";

/** Managed rules, with those that are only counted: a campaign with its stores is longer than the 8 kB a body may have. */
const managed: [name: string, counted: string[]][] = [
  ["AWSManagedRulesAmazonIpReputationList", []],
  ["AWSManagedRulesKnownBadInputsRuleSet", []],
  ["AWSManagedRulesCommonRuleSet", ["SizeRestrictions_BODY"]],
];

// As the HTTP API's own log: no address, path, query or header, hence no personal data.
const accessFields = [
  ...["date", "time", "x-edge-location", "x-edge-request-id", "x-edge-result-type", "x-edge-detailed-result-type"],
  ...["cs-method", "sc-status", "sc-bytes", "time-taken", "cs-protocol-version", "ssl-protocol"],
];

/** What stands between the world and the HTTP API, in us-east-1: CloudFront without a cache, and its firewall. */
export class Edge extends Stack {
  constructor(scope: Construct, id: string, props: EdgeProps) {
    super(scope, id, {
      env: { region: "us-east-1" },
      description: `Commensal, the edge of stage ${props.stage}`,
    });
    const apiDomain = new CfnParameter(this, "ApiDomain", {
      description: "Host of the core stack's HTTP API: its output ApiDomain",
      allowedPattern: String.raw`[a-z0-9]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com`,
    });

    const firewall = this.firewall(props);
    const secret = SecretValue.secretsManager(props.originSecret, {
      ...(props.originSecretVersion && { versionId: props.originSecretVersion }),
    });
    const distribution = new Distribution(this, "Distribution", {
      comment: `Commensal, stage ${props.stage}`,
      domainNames: [props.domain],
      certificate: Certificate.fromCertificateArn(this, "Certificate", props.certificateArn),
      minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
      httpVersion: HttpVersion.HTTP2_AND_3,
      webAclId: firewall.attrArn,
      defaultBehavior: {
        origin: new HttpOrigin(apiDomain.valueAsString, {
          protocolPolicy: OriginProtocolPolicy.HTTPS_ONLY,
          originSslProtocols: [OriginSslPolicy.TLS_V1_2],
          // the HTTP API gives up after 29 s; an answer of its own must get through
          readTimeout: Duration.seconds(35),
          // a reference that CloudFormation resolves when it deploys: the value is in no template
          customHeaders: { "x-origin-verify": secret.unsafeUnwrap() },
        }),
        allowedMethods: AllowedMethods.ALLOW_ALL,
        viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
        cachePolicy: CachePolicy.CACHING_DISABLED,
        // API Gateway knows its API by the Host header, so that one alone stays behind
        originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        compress: false,
      },
    });
    this.accessLog(distribution, props);
    new CfnOutput(this, "DistributionDomain", { value: distribution.distributionDomainName });
    new CfnOutput(this, "SentSecretVersion", {
      value: props.originSecretVersion ?? "AWSCURRENT at the time of deployment",
    });
  }

  private firewall({ stage, requestsPerAddress }: EdgeProps): CfnWebACL {
    const told = (metricName: string) => ({
      cloudWatchMetricsEnabled: true,
      metricName: `commensal-${stage}-${metricName}`,
      // samples hold whole requests
      sampledRequestsEnabled: false,
    });
    const firewall = new CfnWebACL(this, "Firewall", {
      name: `commensal-${stage}`,
      scope: "CLOUDFRONT",
      defaultAction: { allow: {} },
      visibilityConfig: told("all"),
      rules: [
        {
          name: "hooks",
          priority: 0,
          // ends the evaluation: no rule after this one sees a notification
          action: { allow: {} },
          statement: {
            byteMatchStatement: {
              fieldToMatch: { uriPath: {} },
              positionalConstraint: "STARTS_WITH",
              searchString: hooks,
              textTransformations: [{ priority: 0, type: "NONE" }],
            },
          },
          visibilityConfig: told("hooks"),
        },
        {
          name: "rate",
          priority: 1,
          action: {
            block: { customResponse: { responseCode: 429, responseHeaders: [{ name: "retry-after", value: "300" }] } },
          },
          statement: {
            rateBasedStatement: { limit: requestsPerAddress, evaluationWindowSec: 300, aggregateKeyType: "IP" },
          },
          visibilityConfig: told("rate"),
        },
        ...managed.map(([name, counted], index) => ({
          name,
          priority: 10 + index,
          overrideAction: { none: {} },
          statement: {
            managedRuleGroupStatement: {
              vendorName: "AWS",
              name,
              ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
            },
          },
          visibilityConfig: told(name),
        })),
      ],
    });
    const log = new LogGroup(this, "FirewallLog", {
      // the firewall writes to groups of this name alone
      logGroupName: `aws-waf-logs-commensal-${stage}`,
      // it names addresses, which nobody needs for long
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new CfnLoggingConfiguration(this, "FirewallLogging", {
      resourceArn: firewall.attrArn,
      logDestinationConfigs: [
        `arn:${this.partition}:logs:${this.region}:${this.account}:log-group:${log.logGroupName}`,
      ],
      redactedFields: [{ singleHeader: { Name: "authorization" } }, { uriPath: {} }, { queryString: {} }],
      // whom it turned away, and why; the rest is counted only
      loggingFilter: {
        DefaultBehavior: "DROP",
        Filters: [
          {
            Behavior: "KEEP",
            Requirement: "MEETS_ANY",
            Conditions: [{ ActionCondition: { Action: "BLOCK" } }],
          },
        ],
      },
    }).node.addDependency(log);
    return firewall;
  }

  private accessLog(distribution: Distribution, { stage, logRetention }: EdgeProps): void {
    const log = new LogGroup(this, "AccessLog", {
      logGroupName: `/aws/vendedlogs/cloudfront/commensal-${stage}`,
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const source = new CfnDeliverySource(this, "AccessLogSource", {
      name: `commensal-${stage}-edge`,
      resourceArn: distribution.distributionArn,
      logType: "ACCESS_LOGS",
    });
    const destination = new CfnDeliveryDestination(this, "AccessLogDestination", {
      name: `commensal-${stage}-edge`,
      destinationResourceArn: log.logGroupArn,
      outputFormat: "json",
    });
    new CfnDelivery(this, "AccessLogDelivery", {
      deliverySourceName: source.name,
      deliveryDestinationArn: destination.attrArn,
      recordFields: accessFields,
    }).node.addDependency(source);
  }
}
