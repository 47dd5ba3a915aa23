/** Workers that other systems keep running: a manifest for Kubernetes, and a unit for systemd. As text. */

/** What is told to the workers of a manifest. */
export interface Manifest {
  readonly image: string;
  /** The text of a key file. */
  readonly key: string;
  /** How many workers connect to a run that listens, and where it does; without it, one on each node listens. */
  readonly connect?: { readonly address: string; readonly workers: number } | undefined;
  readonly port: number;
}

/** Pods get no more than they need: no privileges, no account of the cluster, no writing but to folders of their own. */
const POD = `      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 60
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        fsGroup: 1000
        seccompProfile: { type: RuntimeDefault }
      volumes:
        - name: secret
          secret: { secretName: distcomp-key, defaultMode: 0400 }
        - name: key
          emptyDir: { medium: Memory }
        - name: tmp
          emptyDir: {}`;

const UNPRIVILEGED = `          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }`;

/** `-f`: when the sandbox of a pod is started again, the copy is there already, and nobody may write to it. */
const COPY_KEY = "umask 077; cp -f /run/distcomp-secret/key /run/distcomp/key";

/**
 * A worker uses no key that others can read. The files of a Secret are root's, and `fsGroup` makes their group able to
 * read them, whatever `defaultMode` says. So the worker gets a copy of its own.
 */
function initContainer(image: string): string {
  return `      initContainers:
        - name: key
          image: ${json(image)}
          command: [sh, -c, ${json(COPY_KEY)}]
${UNPRIVILEGED}
          volumeMounts:
            - { name: secret, mountPath: /run/distcomp-secret, readOnly: true }
            - { name: key, mountPath: /run/distcomp }`;
}

const CONTAINER = `${UNPRIVILEGED}
          env:
            - { name: DISTCOMP_KEY, value: /run/distcomp/key }
          volumeMounts:
            - { name: key, mountPath: /run/distcomp, readOnly: true }
            - { name: tmp, mountPath: /tmp }`;

/** A manifest: the key in a Secret, and a Job or a DaemonSet. */
export function kubernetesManifest({ image, key, connect, port }: Manifest): string {
  const secret = `apiVersion: v1
kind: Secret
metadata:
  name: distcomp-key
type: Opaque
stringData:
  key: |
${indented(key.trimEnd(), 4)}
`;
  return `${secret}---\n${connect ? jobOf(image, connect) : daemonSetOf(image, port)}`;
}

function jobOf(image: string, { address, workers }: NonNullable<Manifest["connect"]>): string {
  return `apiVersion: batch/v1
kind: Job
metadata:
  name: distcomp
spec:
  parallelism: ${workers}
  completions: ${workers}
  backoffLimit: 6
  ttlSecondsAfterFinished: 600
  template:
    metadata:
      labels: { app: distcomp }
    spec:
      restartPolicy: OnFailure
${POD}
${initContainer(image)}
      containers:
        - name: worker
          image: ${json(image)}
          command: [distcomp, worker, --connect, ${json(address)}, --idle-timeout, 10m]
${CONTAINER}
`;
}

function daemonSetOf(image: string, port: number): string {
  return `apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: distcomp
spec:
  selector:
    matchLabels: { app: distcomp }
  template:
    metadata:
      labels: { app: distcomp }
    spec:
${POD}
${initContainer(image)}
      containers:
        - name: worker
          image: ${json(image)}
          command: [distcomp, worker, --listen, "0.0.0.0:${port}"]
          ports:
            - { containerPort: ${port}, hostPort: ${port} }
${CONTAINER}
`;
}

/** A string of YAML that can be anything. */
function json(text: string): string {
  return JSON.stringify(text);
}

function indented(text: string, columns: number): string {
  return text.split("\n").map((line) => " ".repeat(columns) + line).join("\n");
}

/** What is in a unit. */
export interface Unit {
  readonly executable: string;
  /** What systemd takes as the name of a user. */
  readonly user: string;
}

/** A word of a command line in a unit: in quotes if it needs them. A line feed would begin another setting. */
function inUnit(word: string): string {
  const text = word.replaceAll("%", "%%");
  return /^[\w/.,:+@%-]+$/.test(text) ? text : JSON.stringify(text);
}

/**
 * A unit in which a worker can do little else than run jobs. It may write only to folders that systemd makes for it, and
 * its key is in one of them. `MemoryDenyWriteExecute` is missing: the runtime compiles code while it runs.
 */
export function systemdUnit({ executable, user }: Unit): string {
  return `[Unit]
Description=distcomp worker
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=${inUnit(executable)} worker
User=${user}
Restart=on-failure
RestartSec=5
# Running jobs may finish, then they are killed.
TimeoutStopSec=90
KillMode=mixed

# The key: /var/lib/distcomp/key, readable for the user alone.
StateDirectory=distcomp
StateDirectoryMode=0700
Environment=DISTCOMP_KEY=/var/lib/distcomp/key

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
PrivateTmp=yes
ProtectSystem=strict
ProtectHome=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
LimitCORE=0

[Install]
WantedBy=multi-user.target
`;
}
