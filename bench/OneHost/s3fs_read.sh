#!/usr/bin/env bash
# s3fs_read.sh ENDPOINT BUCKET FOLDER PLACE THREADS     mounts the bucket by s3fs with its cache in PLACE, reads every file below FOLDER once, unmounts
set -euo pipefail
endpoint=$1 bucket=$2 folder=$3 place=$4 threads=$5
mkdir -p "$place/mount" "$place/cache"
export AWSACCESSKEYID=$AWS_ACCESS_KEY_ID AWSSECRETACCESSKEY=$AWS_SECRET_ACCESS_KEY
# In the foreground, so that its time and memory are this script's children's.
s3fs "$bucket" "$place/mount" -f -o "url=$endpoint,use_path_request_style,use_cache=$place/cache,parallel_count=$threads,multireq_max=$threads,max_stat_cache_size=200000,enable_noobj_cache,complement_stat" &
pause() { read -rt .02 <> <(:) || :; }
# It may be busy for a moment after the last reader has ended.
end() {
  while mountpoint -q "$place/mount" && ! fusermount -u "$place/mount" 2>/dev/null; do pause; done
  wait
}
trap end EXIT
until mountpoint -q "$place/mount"; do
  kill -0 $! || { echo "s3fs did not mount" >&2; exit 1; }
  pause
done
find "$place/mount/$folder" -type f -print0 | xargs -0 -P "$threads" -n 16 cat >/dev/null
