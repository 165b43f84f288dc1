using System.Net;
using DatasetCache.Grains;
using DatasetCache.Silo.Membership;
using DatasetCache.Silo.Settings;
using Orleans.Configuration;
using Orleans.Connections.Security;
using Orleans.Dashboard;

namespace DatasetCache.Silo.Running;

/// <summary>How this silo finds the others, where it listens, and when it gives one up.</summary>
internal static class SiloClustering
{
    public static void Configure(ISiloBuilder silo, NodeSettings settings, GrainAccess access)
    {
        silo.AddDatasetGrains(access);
        silo.AddDashboard();
        silo.Configure<SiloOptions>(options => options.SiloName = settings.NodeId);
        silo.Configure<ClusterOptions>(options =>
        {
            options.ClusterId = settings.ClusterId;
            options.ServiceId = "dscache";
        });
        if (settings.Database is { } database)
        {
            silo.UseAdoNetClustering(options =>
            {
                options.Invariant = "Npgsql";
                options.ConnectionString = MembershipSchema.Within(database);
            });
        }
        else
        {
            silo.UseDevelopmentClustering(new IPEndPoint(settings.Address, settings.SiloPort));
        }
        silo.Configure<EndpointOptions>(options =>
        {
            options.AdvertisedIPAddress = settings.Address;
            options.SiloPort = settings.SiloPort;
            options.SiloListeningEndpoint = new IPEndPoint(settings.Address, settings.SiloPort);
            // Clients are jobs of this host: the gateway is for nobody else.
            options.GatewayPort = settings.GatewayPort;
            options.GatewayListeningEndpoint = new IPEndPoint(IPAddress.Loopback, settings.GatewayPort);
        });
        // Three probes of a second and a half, then a vote of two: a silo that was killed is out within five to eight seconds. Shorter, and a busy host is taken for a dead one.
        silo.Configure<ClusterMembershipOptions>(options =>
        {
            options.ProbeTimeout = TimeSpan.FromSeconds(1.5);
            options.NumMissedProbesLimit = 3;
            options.NumVotesForDeathDeclaration = 2;
            options.TableRefreshTimeout = TimeSpan.FromSeconds(10);
            options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(10);
            options.DeathVoteExpirationTimeout = TimeSpan.FromSeconds(30);
            options.MaxJoinAttemptTime = TimeSpan.FromMinutes(1);
        });
        silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(15));
        if (settings.Tls is { } tls)
        {
            silo.UseTls(options =>
            {
                options.LocalCertificate = tls.Certificate;
                options.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
                options.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
                options.RemoteCertificateValidation = (certificate, _, _) => tls.Trusts(certificate);
                options.OnAuthenticateAsClient = (_, client) => client.TargetHost = "dscache";
            });
        }
    }
}
