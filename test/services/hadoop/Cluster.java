import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.MiniDFSCluster;

/** A name node and a data node in the folder that the argument names; ends with its standard input. */
public class Cluster {
  public static void main(String[] arguments) throws Exception {
    Configuration configuration = new Configuration();
    configuration.set("hdfs.minidfs.basedir", arguments[0]);
    MiniDFSCluster cluster = new MiniDFSCluster.Builder(configuration).numDataNodes(1).build();
    cluster.waitActive();
    System.out.println("WebHDFS at " + cluster.getNameNode().getHttpAddress().getPort());
    while (System.in.read() != -1) continue;
    cluster.shutdown();
    System.exit(0);
  }
}
