# SPDX-License-Identifier: GPL-2.0-or-later
"""
Real servers from Debian's packages, each with a configuration of its own in a temporary folder, started in the
namespace of a node. And certificates, good and bad ones.

  certs = Certs(folder)                  folder/ca.pem, good.pem, good.key, expired.pem ... (see MAKE)
  nginx = start("nginx", node, folder, certs)
  nginx.pause(); nginx.go()              stopped: the kernel still takes connections, the program says nothing
  nginx.kill(); nginx.start()            gone at once, with everything it forked

A program is a function in PROGRAMS: it writes files into its folder and returns the argv. Nothing of what the packages
installed as configuration is read, apart from the schema of slapd.
"""
import os
import shutil
import signal
import socket
import subprocess
import textwrap
import time

from conftest import run

NAME = "app.example"  # what the good certificate is for

# port -> what listens there. One host, so each has its own.
PORTS = {
    "nginx": {"http": 8001, "https": 8443, "h2": 8444, "expired": 8451, "wrong": 8452, "selfsigned": 8453, "unknown": 8454,
              "tls12": 8455, "client": 8456},
    "exim": {"smtp": 2525, "smtps": 4465},
    "dovecot": {"imap": 1430, "imaps": 9930, "pop3": 1100, "pop3s": 9950},
    "slapd": {"ldap": 3890, "ldaps": 6360},
    "vsftpd": {"ftp": 2121},
    "vsftpds": {"ftps": 9900},
    "redis": {"redis": 6379},
    "memcached": {"memcached": 11211},
    "unbound": {"dns": 5300},
}


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(textwrap.dedent(text).lstrip())
    return path


def folders(parent, *names, user=None):
    for name in names:
        path = os.path.join(parent, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o755)
        if user:
            shutil.chown(path, user)


# ---------------------------------------------------------------- certificates

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]  # quick to make and to use
PAST = ["-startdate", "20200101000000Z", "-enddate", "20210101000000Z"]
# name: (issuer, or None = itself; name it is for; dates)
MAKE = {
    "good": ("ca", NAME, ["-days", "30"]),
    "expired": ("ca", NAME, PAST),
    "wrong": ("ca", "other.example", ["-days", "30"]),
    "selfsigned": (None, NAME, None),
    "unknown": ("stranger", NAME, ["-days", "30"]),
    "client": ("ca", "client.example", ["-days", "30"]),
    "nobody": ("stranger", "client.example", ["-days", "30"]),
}


class Certs:
    """Two authorities, of which `ca` is the one that clients trust, and MAKE."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        for ca in ("ca", "stranger"):
            run("openssl", "req", "-x509", "-new", *KEY, "-keyout", self[f"{ca}.key"], "-out", self[f"{ca}.pem"], "-days", "30",
                "-subj", f"/CN=lab {ca}", "-addext", "basicConstraints=critical,CA:true")
            # `openssl ca` is the one command that takes dates in the past, whatever the version.
            write(folder, f"{ca}.cnf", f"""
                [ca]
                default_ca = c
                [c]
                database = {self[ca + ".index"]}
                new_certs_dir = {folder}
                rand_serial = yes
                unique_subject = no
                default_md = sha256
                policy = p
                copy_extensions = copyall
                certificate = {self[ca + ".pem"]}
                private_key = {self[ca + ".key"]}
                [p]
                commonName = supplied
                """)
            write(folder, f"{ca}.index", "")
        for name, (issuer, host, dates) in MAKE.items():
            self.make(name, issuer, host, dates)
        for name in os.listdir(folder):
            os.chmod(self[name], 0o644)  # they open nothing, and probes run without rights

    def make(self, name, issuer, host, dates):
        key, pem, csr = self[f"{name}.key"], self[f"{name}.pem"], self[f"{name}.csr"]
        what = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
        if issuer is None:
            run("openssl", "req", "-x509", "-new", *KEY, "-keyout", key, "-out", pem, "-days", "30", *what)
            return
        run("openssl", "req", "-new", *KEY, "-keyout", key, "-out", csr, *what)
        run("openssl", "ca", "-batch", "-notext", "-config", self[f"{issuer}.cnf"], "-in", csr, "-out", pem, *dates)

    def __getitem__(self, name):
        return os.path.join(self.folder, name)


# ---------------------------------------------------------------- programs

def nginx(folder, certs, ip):
    ports = PORTS["nginx"]
    text = """
        worker_processes 1;
        pid pid;
        error_log stderr;
        events { worker_connections 256; }
        http {
          access_log off;
          client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
        """

    def server(port, more=""):
        nonlocal text
        text += f"""
          server {{ listen {ip}:{port}{more}
            location = /healthz {{ return 200 "all is well\\n"; }}
            location = /host {{ return 200 "[$host] [$http_x_probe] [$request_method]\\n"; }}
            location = /proto {{ return 200 "$server_protocol\\n"; }}
            location = /load {{ default_type application/json; add_header X-Weight 40; return 200 '{{"load":{{"free":"25%"}}}}'; }}
            location = /moved {{ return 302 /healthz; }}
            location = /broken {{ return 503; }} }}
        """

    server(ports["http"], ";")
    for name in ("https", "h2", "expired", "wrong", "selfsigned", "unknown", "tls12", "client"):
        cert = name if name in MAKE and name != "client" else "good"
        more = f" ssl{' http2' if name == 'h2' else ''};\n ssl_certificate {certs[cert + '.pem']}; ssl_certificate_key {certs[cert + '.key']};"
        more += f"\n ssl_protocols {'TLSv1.2' if name == 'tls12' else 'TLSv1.2 TLSv1.3'};"
        if name == "client":
            more += f"\n ssl_client_certificate {certs['ca.pem']}; ssl_verify_client on;"
        server(ports[name], more)
    path = write(folder, "nginx.conf", text + "}\n")
    return ["nginx", "-p", folder, "-c", path, "-g", "daemon off;"]


def exim(folder, certs, ip):
    folders(folder, "spool", user="Debian-exim")
    ports = PORTS["exim"]
    path = write(folder, "exim.conf", f"""
        primary_hostname = {NAME}
        spool_directory = {folder}/spool
        log_file_path = {folder}/spool/%slog
        local_interfaces = {ip}
        daemon_smtp_ports = {ports['smtp']} : {ports['smtps']}
        tls_on_connect_ports = {ports['smtps']}
        tls_advertise_hosts = *
        tls_certificate = {certs['good.pem']}
        tls_privatekey = {certs['good.key']}
        host_lookup =
        rfc1413_query_timeout = 0s
        smtp_enforce_sync = true
        acl_smtp_rcpt = deny
        begin acl
        deny:
          deny
        """)
    return ["/usr/sbin/exim4", "-C", path, "-bdf", "-oP", os.path.join(folder, "pid")]


def dovecot(folder, certs, ip):
    ports = PORTS["dovecot"]
    path = write(folder, "dovecot.conf", f"""
        base_dir = {folder}/run
        state_dir = {folder}/run
        log_path = /dev/stderr
        protocols = imap pop3
        listen = {ip}
        ssl = yes
        ssl_cert = <{certs['good.pem']}
        ssl_key = <{certs['good.key']}
        mail_location = maildir:{folder}/mail
        passdb {{
          driver = static
          args = password=none
        }}
        userdb {{
          driver = static
          args = uid=nobody gid=nogroup home={folder}/mail
        }}
        service stats {{
          client_limit = 100
        }}
        """ + "".join(f"""
        service {p}-login {{
          service_count = 0
          process_min_avail = 1
          inet_listener {p} {{
            port = {ports[p]}
          }}
          inet_listener {p}s {{
            port = {ports[p + 's']}
            ssl = yes
          }}
        }}
        """ for p in ("imap", "pop3")))
    return ["/usr/sbin/dovecot", "-F", "-c", path]


def slapd(folder, certs, ip):
    ports = PORTS["slapd"]
    if not os.path.exists(os.path.join(folder, "db")):
        folders(folder, "db")
        path = write(folder, "slapd.conf", f"""
            include /etc/ldap/schema/core.schema
            pidfile {folder}/pid
            argsfile {folder}/args
            TLSCertificateFile {certs['good.pem']}
            TLSCertificateKeyFile {certs['good.key']}
            database ldif
            suffix "dc=example"
            directory {folder}/db
            """)
        entry = write(folder, "base.ldif", """
            dn: dc=example
            objectClass: dcObject
            objectClass: organization
            dc: example
            o: lab
            """)
        run("slapadd", "-f", path, "-l", entry)
    return ["slapd", "-f", os.path.join(folder, "slapd.conf"), "-h", f"ldap://{ip}:{ports['ldap']}/ ldaps://{ip}:{ports['ldaps']}/",
            "-d", "0"]


def vsftpd(folder, certs, ip, implicit=False):
    folders(folder, "empty", "root")
    path = write(folder, "vsftpd.conf", f"""
        listen=YES
        listen_address={ip}
        listen_port={PORTS['vsftpds']['ftps'] if implicit else PORTS['vsftpd']['ftp']}
        background=NO
        anonymous_enable=YES
        local_enable=NO
        anon_root={folder}/root
        secure_chroot_dir={folder}/empty
        xferlog_enable=NO
        vsftpd_log_file={folder}/log
        seccomp_sandbox=NO
        ssl_enable=YES
        allow_anon_ssl=YES
        ssl_ciphers=HIGH
        rsa_cert_file={certs['good.pem']}
        rsa_private_key_file={certs['good.key']}
        implicit_ssl={'YES' if implicit else 'NO'}
        """)
    return ["vsftpd", path]


def vsftpds(folder, certs, ip):
    return vsftpd(folder, certs, ip, implicit=True)


def redis(folder, _certs, ip):
    return ["redis-server", "--bind", ip, "--port", str(PORTS["redis"]["redis"]), "--save", "", "--appendonly", "no",
            "--protected-mode", "no", "--dir", folder]


def memcached(_folder, _certs, ip):
    return ["memcached", "-u", "memcache", "-l", ip, "-p", str(PORTS["memcached"]["memcached"]), "-U", "0", "-m", "8", "-t", "1"]


def unbound(folder, _certs, ip):
    path = write(folder, "unbound.conf", f"""
        server:
          interface: {ip}@{PORTS['unbound']['dns']}
          access-control: 0.0.0.0/0 allow
          username: ""
          chroot: ""
          directory: "{folder}"
          pidfile: "{folder}/pid"
          use-syslog: no
          do-daemonize: no
          num-threads: 1
          module-config: "iterator"
          do-not-query-localhost: no
          local-zone: "example.com." static
          local-data: "example.com. 60 IN A 192.0.2.1"
          local-data: "example.com. 60 IN A 192.0.2.2"
          local-data: "example.com. 60 IN AAAA 2001:db8::1"
          local-data: "example.com. 60 IN MX 10 mail.example.com."
          local-data: 'example.com. 60 IN TXT "hello lab"'
          local-data: "example.com. 60 IN NS ns.example.com."
          local-data: "example.com. 60 IN SOA ns.example.com. root.example.com. 7 3600 600 86400 60"
          local-data: "www.example.com. 60 IN CNAME example.com."
          local-data: "_ldap._tcp.example.com. 60 IN SRV 1 2 389 mail.example.com."
          local-data-ptr: "192.0.2.1 example.com"
        remote-control:
          control-enable: no
        """)
    return ["unbound", "-d", "-c", path]


PROGRAMS = {"nginx": nginx, "exim": exim, "dovecot": dovecot, "slapd": slapd, "vsftpd": vsftpd, "vsftpds": vsftpds,
            "redis": redis, "memcached": memcached, "unbound": unbound}


class Real:
    def __init__(self, name, node, folder, certs):
        self.name, self.node, self.certs = name, node, certs
        self.folder = os.path.join(folder, name)
        folders(folder, name)
        self.log_path = os.path.join(folder, f"{name}.log")
        self.ports = PORTS[name]
        self.process = None
        # Some reserve memory for as many descriptors as they may have, which can be a thousand million.
        self.argv = ["prlimit", "--nofile=1024:1024"] + PROGRAMS[name](self.folder, certs, node.ip4)

    def start(self, wait=True):
        with self.node, open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.argv, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        if wait:
            self.ready()
        return self

    def ready(self, seconds=30):
        end = time.monotonic() + seconds
        left = list(self.ports.values())
        while left:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{self.name} does not listen on {left}, status {self.process.returncode}:\n{self.log()}")
            with self.node, socket.socket() as s:
                s.settimeout(5)
                if s.connect_ex((self.node.ip4, left[0])) == 0:
                    left.pop(0)
                    continue
            time.sleep(0.05)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()[-3000:]

    def processes(self):
        """Everything in its session: what it forked is there too."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.process.pid and fields[0] != "Z":
                found.append(int(pid))
        return found

    def signal(self, number):
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def pause(self):
        self.signal(signal.SIGSTOP)

    def go(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        if self.process is None:
            return
        # Stopped first, so that nobody starts another while we go through the list.
        self.pause()
        while self.processes():
            self.signal(signal.SIGKILL)
            self.process.poll()
            time.sleep(0.01)
        self.process.wait()
        self.process = None


def start(name, node, folder, certs, wait=True):
    return Real(name, node, folder, certs).start(wait)
