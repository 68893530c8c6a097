// Notifications: what a relay's provider posts to us of the mail that it took. Whose they are, and what they are verified by.

/** The providers whose notifications we read, by the names in the API and in the configuration. */
export const notificationProviders = ["ses", "sendgrid", "postmark", "mailgun"] as const;

export type NotificationProvider = (typeof notificationProviders)[number];

/** An SNS topic. `host`: the only one that its certificates and its confirmation may be fetched from. */
export type SnsTopic = { arn: string; host: string };

/** What each provider's notifications are verified by; one that is absent is not listened to. */
export type InboundConfig = {
  ses?: { topics: SnsTopic[] };
  /** PEM (SubjectPublicKeyInfo); any of them may have signed. */
  sendgrid?: { publicKeys: string[] };
  postmark?: { username: string; password: string };
  mailgun?: { signingKey: string };
};

/** The domain of each partition's endpoints. Others (isolated regions) have no way to us. */
const partitionDomains: Readonly<Record<string, string>> = {
  aws: "amazonaws.com",
  "aws-us-gov": "amazonaws.com",
  "aws-cn": "amazonaws.com.cn",
};

/**
 * Reads a topic's name, like `arn:aws:sns:eu-west-1:123456789012:bounces`; undefined if it is none.
 * A region's name is matched closely: `sns.s3-….amazonaws.com` is a bucket that anybody may own.
 */
export function readSnsTopic(arn: string): SnsTopic | undefined {
  const [, partition = "", region] =
    /^arn:(aws(?:-cn|-us-gov)?):sns:([a-z]{2}(?:-[a-z]{3,9}){1,3}-\d):\d{12}:[\w-]{1,256}$/.exec(arn) ?? [];
  const domain = partitionDomains[partition];
  return domain === undefined || region === undefined ? undefined : { arn, host: `sns.${region}.${domain}` };
}
