using Iba;
using Iba.Cli;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Images;
using Iba.Methods;
using Tests.Emulator;
using Xunit;

namespace Tests.Cli;

/// <summary>A run over several photos on a device that fails on the way.</summary>
public sealed class AttributionRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeGpu _gpu = new(computes: true);

    public void Dispose()
    {
        _gpu.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void When_the_device_is_lost_the_maps_finished_before_are_kept()
    {
        using CudaBackend backend = _gpu.Open(Precision.Float32);
        Network network = ResNet.ResNet50.Build(backend, new FreshParameters(backend, new NetworkWidth(16, 8, 10), seed: 1));
        var loaded = new LoadedNetwork(network) { Preprocessing = new Preprocessing { Resize = 36, Crop = 32 } };
        var inputs = new MethodInputs(network, new Shape(1, 32, 32, 3));
        using IAttributionMethod method = new Breaking(_gpu, AttributionMethods.Find("gradient").Create(inputs));
        var run = new AttributionRun(
            loaded, method, new AttributionFiles(loaded, inputs, AttributionMethods.Find("gradient"), _folder["maps"], false, null), 1, json: false);

        string[] photos = [.. ((string[])["rgb.png", "gray.jpg"]).Select(name => Path.Combine(Golden.Path("preprocessing"), name))];
        Failure failure = Failure.Of(Assert.Throws<DeviceLostException>(() => run.Explain(photos, null, batch: 2)));
        Assert.Equal(ExitCode.Failed, failure.Code);
        Assert.Contains("last op: ", failure.Message);
        Assert.Equal(["rgb.iba.png", "rgb.iba.safetensors"], Directory.GetFiles(_folder["maps"]).Select(path => Path.GetFileName(path)).Order());
        using var map = global::Iba.Engine.Files.SafetensorsFile.Open(_folder["maps/rgb.iba.safetensors"]);
        Assert.Equal(("cuda:0 Fake GPU 0", "fp32"), (map.Metadata["device"], map.Metadata["precision"]));
    }

    /// <summary>Explains images one by one on a GPU that is lost after the first.</summary>
    private sealed class Breaking(FakeGpu gpu, IAttributionMethod method) : IAttributionMethod
    {
        public string Name => method.Name;

        public IEnumerable<Explanation> Attribute(
            IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
        {
            foreach (Sample sample in samples)
            {
                yield return method.Attribute([sample], progress, cancellation).Single();
                gpu.Driver.Fail("cuMemcpyDtoHAsync_v2", CUresult.CUDA_ERROR_ILLEGAL_ADDRESS);
            }
        }

        public void Dispose() => method.Dispose();
    }
}
