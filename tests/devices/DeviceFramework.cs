using System.Reflection;
using Tests.Devices;
using Xunit;
using Xunit.v3;

[assembly: TestFramework(typeof(DeviceFramework))]

namespace Tests.Devices;

/// <summary>The tests that share the GPU, one after the other.</summary>
[CollectionDefinition(nameof(Gpu))]
public sealed class GpuCollection : ICollectionFixture<Gpu>;

/// <summary>xunit, but for the tests of that collection where there is no GPU.</summary>
public sealed class DeviceFramework : XunitTestFramework
{
    protected override ITestFrameworkDiscoverer CreateDiscoverer(Assembly assembly) =>
        new Discoverer(new XunitTestAssembly(assembly, configFilePath: null, assemblyName: null, version: assembly.GetName().Version));

    /// <summary>Whether a class of tests runs on the GPU.</summary>
    public static bool NeedsGpu(Type type) => type.GetCustomAttributes().OfType<ICollectionAttribute>().Any(collection => collection.Name == nameof(Gpu));

    private sealed class Discoverer(IXunitTestAssembly assembly) : XunitTestFrameworkDiscoverer(assembly)
    {
        protected override bool IsValidTestClass(Type type) => base.IsValidTestClass(type) && (Gpu.IsListed || !NeedsGpu(type));
    }
}
