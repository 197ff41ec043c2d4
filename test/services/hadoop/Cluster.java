import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.MiniDFSNNTopology;
import org.apache.hadoop.security.UserGroupInformation;

/**
 * Two name nodes, of which the second is active, and two data nodes in the folder that the first argument names; ends with
 * its standard input. With a realm, a keytab and the protections of RPC and of data transfer there is one name node, and
 * everybody proves who he is, by Kerberos: hdfs/localhost and HTTP/localhost are in the keytab. Blocks of a mebibyte, so that small files have many.
 */
public class Cluster {
  public static void main(String[] arguments) throws Exception {
    Configuration configuration = new Configuration();
    configuration.set("hdfs.minidfs.basedir", arguments[0]);
    if (arguments.length > 2) secure(configuration, arguments);
    configuration.setLong("dfs.blocksize", 1 << 20);
    configuration.setInt("dfs.namenode.fs-limits.min-block-size", 0);
    // Gateways of ours ask in the names of others.
    String self = System.getProperty("user.name");
    configuration.set("hadoop.proxyuser." + self + ".hosts", "*");
    configuration.set("hadoop.proxyuser." + self + ".groups", "*");
    boolean isSecure = arguments.length > 2;
    MiniDFSCluster.Builder builder = new MiniDFSCluster.Builder(configuration).numDataNodes(2);
    if (!isSecure) builder.nnTopology(MiniDFSNNTopology.simpleHATopology());
    MiniDFSCluster cluster = builder.build();
    int active = isSecure ? 0 : 1;
    if (!isSecure) cluster.transitionToActive(active);
    cluster.waitActive();
    cluster.getFileSystem(active).setPermission(
        new org.apache.hadoop.fs.Path("/"), new org.apache.hadoop.fs.permission.FsPermission((short) 0777));
    StringBuilder rpc = new StringBuilder();
    for (int index = 0; index <= active; index += 1) rpc.append(" ").append(cluster.getNameNodePort(index));
    System.out.println("WebHDFS at " + cluster.getNameNode(active).getHttpAddress().getPort() + ", RPC at" + rpc);
    while (System.in.read() != -1) continue;
    cluster.shutdown();
    System.exit(0);
  }

  private static void secure(Configuration configuration, String[] arguments) throws Exception {
    String realm = arguments[1];
    String keytab = arguments[2];
    String hdfs = "hdfs/localhost@" + realm;
    String web = "HTTP/localhost@" + realm;
    configuration.set("hadoop.security.authentication", "kerberos");
    configuration.set("hadoop.rpc.protection", arguments[3]);
    configuration.set("dfs.data.transfer.protection", arguments[4]);
    configuration.set("dfs.block.access.token.enable", "true");
    configuration.set("ignore.secure.ports.for.testing", "true");
    for (String node : new String[] {"namenode", "datanode"}) {
      configuration.set("dfs." + node + ".kerberos.principal", hdfs);
      configuration.set("dfs." + node + ".keytab.file", keytab);
    }
    configuration.set("dfs.web.authentication.kerberos.principal", web);
    configuration.set("dfs.web.authentication.kerberos.keytab", keytab);
    configuration.set("hadoop.http.filter.initializers", "org.apache.hadoop.hdfs.web.AuthFilterInitializer");
    configuration.set("hadoop.http.authentication.type", "kerberos");
    configuration.set("hadoop.http.authentication.kerberos.principal", web);
    configuration.set("hadoop.http.authentication.kerberos.keytab", keytab);
    UserGroupInformation.setConfiguration(configuration);
    UserGroupInformation.loginUserFromKeytab(hdfs, keytab);
  }
}
