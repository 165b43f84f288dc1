"""A dataset in the manner of the Hugging Face hub's cache: blobs named by their ETags, a snapshot of symbolic links to them.

hub_manner.py ENDPOINT BUCKET PREFIX CACHE THREADS     credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
One listing says what the version consists of; what the snapshot has is not asked for again. No checksums, no locks, no limit on disk, as there.
"""
import concurrent.futures, datetime, hashlib, hmac, http.client, os, sys, threading, urllib.parse
import xml.etree.ElementTree as tree

endpoint, bucket, prefix, cache, threads = sys.argv[1:]
host = urllib.parse.urlsplit(endpoint).netloc
key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
mine = threading.local()


def get(path, query=()):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    path, query = urllib.parse.quote(path), urllib.parse.urlencode(sorted(query), quote_via=urllib.parse.quote)
    headers = {"host": host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": now}
    names = ";".join(headers)
    canonical = "\n".join(["GET", path, query, *(f"{name}:{value}" for name, value in headers.items()), "", names, "UNSIGNED-PAYLOAD"])
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    signature = ("AWS4" + secret).encode()
    for part in [*scope.split("/"), "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])]:
        signature = hmac.new(signature, part.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature.hex()}"
    if not hasattr(mine, "connection"):
        mine.connection = http.client.HTTPConnection(host)
    mine.connection.request("GET", path + ("?" + query if query else ""), headers=headers)
    response = mine.connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"{path}: {response.status} {response.read()[:500]}")
    return response


def listing():
    token, name = None, "{http://s3.amazonaws.com/doc/2006-03-01/}"
    while True:
        query = [("list-type", "2"), ("prefix", prefix)] + ([("continuation-token", token)] if token else [])
        page = tree.fromstring(get(f"/{bucket}", query).read())
        for found in page.iter(name + "Contents"):
            yield found.findtext(name + "Key"), found.findtext(name + "ETag").strip('"')
        token = page.findtext(name + "NextContinuationToken")
        if not token:
            return


def fetch(file):
    path, etag = file
    blob, link = f"{cache}/blobs/{etag}", f"{snapshot}/{path[len(prefix):]}"
    if not os.path.exists(blob):
        partial = f"{blob}.{threading.get_ident()}.incomplete"
        with open(partial, "wb") as out:
            response = get(f"/{bucket}/{path}")
            while chunk := response.read(1 << 20):
                out.write(chunk)
        os.replace(partial, blob)
    os.makedirs(os.path.dirname(link), exist_ok=True)
    os.symlink(os.path.relpath(blob, os.path.dirname(link)), link)


files = list(listing())
snapshot = f"{cache}/snapshots/{hashlib.sha256(repr(files).encode()).hexdigest()[:40]}"
os.makedirs(f"{cache}/blobs", exist_ok=True)
missing = [file for file in files if not os.path.exists(f"{snapshot}/{file[0][len(prefix):]}")]
with concurrent.futures.ThreadPoolExecutor(int(threads)) as pool:
    list(pool.map(fetch, missing))
