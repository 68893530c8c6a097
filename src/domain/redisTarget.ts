// Where an external or embedded Redis is and how to log in to it: what the configuration says and the store connects to.

type Address = { host: string; port: number };
type Login = { username?: string; password?: string };
type Tls = { tls: boolean; verifyCertificate: boolean };
type SentinelLogin = { sentinelUsername?: string; sentinelPassword?: string };

export type RedisTarget =
  | ({ kind: "socket"; path: string } & Login)
  | ({ kind: "single"; host: string; port: number; database: number } & Login & Tls)
  | ({ kind: "sentinel"; sentinels: Address[]; masterName: string; database: number } & SentinelLogin & Login & Tls)
  | ({ kind: "cluster"; nodes: Address[] } & Login & Tls);
