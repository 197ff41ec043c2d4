"""hdfs-native, on the files of the driver: URL, a file to read, one to write of as many bytes. Prints what it reads."""
import hashlib
import sys

from hdfs_native import Client, WriteOptions

url, theirs, ours, size = sys.argv[1:5]
client = Client(url)
with client.read(theirs) as file:
    print(hashlib.sha256(file.read()).hexdigest())
content = bytes(index * 7 % 251 for index in range(int(size)))
with client.create(ours, WriteOptions(overwrite=True)) as file:
    file.write(content)
print(hashlib.sha256(content).hexdigest())
print(",".join(sorted(status.path for status in client.list_status(theirs.rsplit("/", 1)[0]))))
