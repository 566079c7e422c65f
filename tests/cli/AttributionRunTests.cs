using Iba;
using Iba.Cli;
using Iba.Engine.Backends.Cpu;
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
            loaded, [method], new AttributionFiles(loaded, inputs, AttributionMethods.Find("gradient"), _folder["maps"], false, null), 1, json: false);

        string[] photos = [.. ((string[])["rgb.png", "gray.jpg"]).Select(name => Path.Combine(Golden.Path("preprocessing"), name))];
        Failure failure = Failure.Of(Assert.Throws<DeviceLostException>(() => run.Explain(photos, null, batch: 2)));
        Assert.Equal(ExitCode.Failed, failure.Code);
        Assert.Contains("last op: ", failure.Message);
        Assert.Equal(["rgb.iba.png", "rgb.iba.safetensors"], Directory.GetFiles(_folder["maps"]).Select(path => Path.GetFileName(path)).Order());
        using var map = global::Iba.Engine.Files.SafetensorsFile.Open(_folder["maps/rgb.iba.safetensors"]);
        Assert.Equal(("cuda:0 Fake GPU 0", "fp32"), (map.Metadata["device"], map.Metadata["precision"]));
    }

    [Fact]
    public void Several_devices_write_the_files_of_one_in_the_photos_order()
    {
        string[] names = ["rgb.png", "gray.jpg", "none.jpg", "jpeg444.jpg", "rgb.png", "gray.jpg"];
        // The second of a name is another photo: its number shows in which order they were written.
        Directory.CreateDirectory(_folder["more"]);
        File.Copy(Photo("jpeg444.jpg"), _folder["more/rgb.png"]);
        File.Copy(Photo("rgb.png"), _folder["more/gray.jpg"]);
        string[] photos = [.. names.Select((name, i) => i < 4 ? Photo(name) : _folder[$"more/{name}"])];
        foreach (int devices in (int[])[1, 2, 3])
        {
            CpuBackend[] backends = [.. Enumerable.Range(0, devices).Select(_ => new CpuBackend(threads: 1))];
            LoadedNetwork[] loaded = [.. backends.Select(Load)];
            IAttributionMethod[] methods =
                [.. loaded.Select(each => AttributionMethods.Find("gradient").Create(new MethodInputs(each.Network, new Shape(1, 32, 32, 3))))];
            var inputs = new MethodInputs(loaded[0].Network, new Shape(1, 32, 32, 3));
            var files = new AttributionFiles(loaded[0], inputs, AttributionMethods.Find("gradient"), _folder[$"{devices}"], false, null);
            Assert.Equal(ExitCode.Partial, new AttributionRun(loaded[0], methods, files, 1, json: false).Explain(photos, null, batch: 1));
            Array.ForEach(methods, method => method.Dispose());
            Array.ForEach(backends, backend => backend.Dispose());
        }
        string[] written = [.. Directory.GetFiles(_folder["1"]).Select(path => Path.GetFileName(path)).Order()];
        Assert.Equal(10, written.Length);
        foreach (string file in written)
        {
            byte[] one = File.ReadAllBytes(Path.Combine(_folder["1"], file));
            Assert.All((string[])["2", "3"], more => Assert.Equal(one, File.ReadAllBytes(Path.Combine(_folder[more], file))));
        }

        static string Photo(string name) => Path.Combine(Golden.Path("preprocessing"), name);

        static LoadedNetwork Load(CpuBackend on) => new(ResNet.ResNet50.Build(on, new FreshParameters(on, new NetworkWidth(16, 8, 10), seed: 1)))
        {
            Preprocessing = new Preprocessing { Resize = 36, Crop = 32 },
        };
    }

    /// <summary>A device that fails ends the run, and what the others finished beside it is kept.</summary>
    [Fact]
    public void When_one_of_several_devices_fails_the_others_maps_are_kept()
    {
        using var backend = new CpuBackend(threads: 1);
        Network network = ResNet.ResNet50.Build(backend, new FreshParameters(backend, new NetworkWidth(16, 8, 10), seed: 1));
        var loaded = new LoadedNetwork(network) { Preprocessing = new Preprocessing { Resize = 36, Crop = 32 } };
        var inputs = new MethodInputs(network, new Shape(1, 32, 32, 3));
        using IAttributionMethod works = AttributionMethods.Find("gradient").Create(inputs);
        using IAttributionMethod fails = new Failing();
        var files = new AttributionFiles(loaded, inputs, AttributionMethods.Find("gradient"), _folder["maps"], false, null);
        string[] photos = [.. ((string[])["rgb.png", "gray.jpg", "jpeg444.jpg"]).Select(name => Path.Combine(Golden.Path("preprocessing"), name))];
        Assert.Throws<DeviceLostException>(() => new AttributionRun(loaded, [fails, works], files, 1, json: false).Explain(photos, null, batch: 1));
        Assert.Equal(["gray.iba.png", "gray.iba.safetensors"], Directory.GetFiles(_folder["maps"]).Select(path => Path.GetFileName(path)).Order());
    }

    private sealed class Failing : IAttributionMethod
    {
        public string Name => "failing";

        public IEnumerable<Explanation> Attribute(
            IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default) =>
            throw new DeviceLostException("cuda:0", "it was lost", 700);

        public void Dispose()
        {
        }
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
