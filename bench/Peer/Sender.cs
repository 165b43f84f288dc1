using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DatasetCache.Coordination;
using DatasetCache.Http.Peers;
using DatasetCache.Store;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Bench.Peer;

/// <summary>A node that has everything.</summary>
internal sealed class Sender(DirectoryHandle folder) : IPeerContent
{
    public static readonly string Secret = new('s', 32);

    public static async Task RunAsync(string path, bool tls)
    {
        using var folder = new FileSystem().OpenRoot(path);
        using var caps = new TransferCaps(TransferLimits.Default, TimeProvider.System);
        await using var server = PeerServer.Start(new PeerServerOptions { Listen = new IPEndPoint(IPAddress.Loopback, 0), Tls = tls ? Certified(path) : null }, PeerSecret.Of(Secret), new Sender(folder), caps);
        Console.WriteLine(server.Endpoint);
        while (Console.ReadLine() is not null)
            Console.WriteLine(Environment.CpuUsage.TotalTime.TotalSeconds.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>A certificate that sender and reader share.</summary>
    public static PeerTls Certified(string folder)
    {
        var path = Path.Combine(folder, "certificate.pfx");
        if (!File.Exists(path))
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=bench", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            var now = TimeProvider.System.GetUtcNow();
            using var made = request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
            File.WriteAllBytes(path, made.Export(X509ContentType.Pfx));
        }
        var certificate = X509CertificateLoader.LoadPkcs12FromFile(path, null);
        return new PeerTls { Certificate = certificate, Authorities = [X509CertificateLoader.LoadCertificate(certificate.RawData)] };
    }

    public byte[]? FindManifest(string digest) => null;

    public PieceSet? FindHeld(string plan) => null;

    public OpenPiece? TryOpen(string plan, int piece, IReadOnlyList<int>? parts)
    {
        if (string.Equals(plan, Layout.LargePlan, StringComparison.Ordinal))
            return new OpenPiece([new PieceRange(Open(Layout.Large(piece / Layout.PiecesPerFile)), (long)(piece % Layout.PiecesPerFile) * Layout.Piece, Layout.Piece, 0)]);
        return string.Equals(plan, Layout.SmallPlan, StringComparison.Ordinal)
            ? new OpenPiece([.. (parts ?? Enumerable.Range(0, Layout.FilesPerPiece)).Select(part => new PieceRange(Open(Layout.Small((piece * Layout.FilesPerPiece) + part)), 0, Layout.SmallSize, 0))])
            : new OpenPiece([.. (parts ?? Enumerable.Range(0, Layout.FilesPerTinyPiece)).Select(part => new PieceRange(Open(Layout.Tiny((piece * Layout.FilesPerTinyPiece) + part)), 0, Layout.TinySize, 0))]);
    }

    private FileHandle Open(string name) => folder.TryOpen(name)!;
}
