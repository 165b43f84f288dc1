using System.Reflection;
using System.Runtime.Loader;
using DatasetCache.Origins;
using Xunit;

namespace DatasetCache.Cache.Tests.Origins;

public sealed class StartupTests
{
    [Fact]
    public void Reading_an_identity_loads_no_AWS_SDK()
    {
        // A context of its own: in this process others have loaded the SDK long since.
        var context = new RecordingContext(typeof(OriginFactory).Assembly.Location);
        var assembly = context.LoadFromAssemblyPath(typeof(OriginFactory).Assembly.Location);
        var options = Activator.CreateInstance(assembly.GetType(typeof(OriginOptions).FullName!)!);
        var factory = Activator.CreateInstance(assembly.GetType(typeof(OriginFactory).FullName!)!, options, null)!;
        var opened = factory.GetType().GetMethod("Open")!.Invoke(factory, ["s3://bucket/prefix"])!;
        var origin = opened.GetType().GetField("Item1")!.GetValue(opened)!;

        Assert.Equal("s3:aws/bucket", origin.GetType().GetProperty("Identity")!.GetValue(origin));
        ((IDisposable)origin).Dispose();

        Assert.DoesNotContain(context.Loaded, name => name.StartsWith("AWSSDK", StringComparison.Ordinal));
        Assert.NotEqual(typeof(OriginFactory).Assembly, assembly);
    }

    private sealed class RecordingContext(string path) : AssemblyLoadContext(isCollectible: false)
    {
        private readonly AssemblyDependencyResolver resolver = new(path);

        public List<string> Loaded { get; } = [];

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            Loaded.Add(assemblyName.Name!);
            return assemblyName.Name!.StartsWith("AWSSDK", StringComparison.Ordinal) && resolver.ResolveAssemblyToPath(assemblyName) is { } found
                ? LoadFromAssemblyPath(found)
                : null;
        }
    }
}
