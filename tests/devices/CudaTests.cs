using System.Reflection;
using Xunit;

namespace Tests.Devices;

/// <summary>Is skipped in place of all tests that a machine without a GPU does not list.</summary>
public sealed class CudaTests
{
    private static readonly Type[] Types = typeof(CudaTests).Assembly.GetTypes();

    /// <summary>Abstract classes of tests whose constructor takes a device.</summary>
    private static readonly Type[] Bodies = [.. Types.Where(type => type.IsAbstract && type != typeof(TestsOnDevice) && Takes(type, typeof(Device)))];

    [Fact]
    public void Every_test_of_a_device_runs_on_a_GPU_too()
    {
        Assert.All(Types.Where(type => type.Name.EndsWith("OnCpu", StringComparison.Ordinal)), type => Assert.Contains(type.BaseType, Bodies));
        Assert.NotEmpty(Bodies);
        Assert.All(Bodies, body => Assert.Single(Types, type =>
            type.BaseType == body && type.Name == body.Name + "OnCuda" && Takes(type, typeof(Gpu)) && DeviceFramework.NeedsGpu(type)));
    }

    [Fact]
    public void Tests_of_a_GPU_are_listed()
    {
        if (Gpu.IsRequired)
            Assert.True(Gpu.Missing is null, Gpu.Missing);
        Assert.SkipUnless(Gpu.Missing is null, Gpu.Missing ?? "");
    }

    private static bool Takes(Type type, Type device) =>
        type.GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Any(constructor => constructor.GetParameters().Any(parameter => parameter.ParameterType == device));
}
