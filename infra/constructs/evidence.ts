import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket, ObjectOwnership } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";

/** What a function lets its callers do with pictures: send one, see one. */
export type EvidenceRight = "send" | "see";
const actions: Record<EvidenceRight, string> = { send: "s3:PutObject", see: "s3:GetObject" };

/**
 * Pictures that members send with their claims, kept for three years (民法典 188: the limitation of such claims), and with their
 * posts. Nobody reaches them but by a signature of a function, over TLS.
 */
export class Evidence extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, { removalPolicy }: { removalPolicy: RemovalPolicy }) {
    super(scope, id);
    this.bucket = new Bucket(this, "Bucket", {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [{ prefix: "evidence/", expiration: Duration.days(3 * 365) }],
      removalPolicy,
    });
    (this.bucket.node.defaultChild as CfnBucket).overrideLogicalId(id);
  }

  /** Keys are made per picture, so these rights end in the folders of all of them. */
  rights(which: readonly EvidenceRight[]): PolicyStatement[] {
    return which.map(
      (right) =>
        new PolicyStatement({
          actions: [actions[right]],
          resources: [this.bucket.arnForObjects("evidence/*"), this.bucket.arnForObjects("posts/*")],
        }),
    );
  }
}
