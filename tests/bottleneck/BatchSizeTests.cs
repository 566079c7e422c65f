using Iba;
using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Emulator;
using Xunit;

namespace Tests.Bottleneck;

/// <summary>A batch costs what its images need, and more than any machine can hold is refused before the work.</summary>
public sealed class BatchSizeTests
{
    public static TheoryData<string> Bottlenecks => ["per-sample", "readout"];

    [Theory]
    [MemberData(nameof(Bottlenecks))]
    public void One_image_takes_the_memory_of_one_whatever_the_batch(string method)
    {
        Assert.Equal(Bytes(1), Bytes(16));
        Assert.Equal(Bytes(1), Bytes(int.MaxValue));

        long Bytes(int batch)
        {
            using var backend = new CpuBackend(1);
            using IAttributionMethod made = FullMemoryTests.Methods[method](FullMemoryTests.Tiny(backend), batch);
            Assert.Single(made.Attribute(FullMemoryTests.Samples(1)));
            return backend.Memory.UsedBytes;
        }
    }

    [Theory]
    [MemberData(nameof(Bottlenecks))]
    public void Images_that_do_not_fill_the_last_batch_get_the_same_maps(string method)
    {
        using var backend = new CpuBackend(2);
        Sample[] samples = FullMemoryTests.Samples(7);
        float[][] alone = Maps(1);
        Assert.Equal(alone, Maps(3));
        Assert.Equal(alone, Maps(4));
        Assert.Equal(alone, Maps(100));

        float[][] Maps(int batch)
        {
            using IAttributionMethod made = FullMemoryTests.Methods[method](FullMemoryTests.Tiny(backend), batch);
            return [.. made.Attribute(samples).Select(result => result.Heatmap.Values)];
        }
    }

    [Theory]
    [InlineData(1, 16, 1)]
    [InlineData(16, 16, 16)]
    [InlineData(17, 16, 9)]
    [InlineData(7, 3, 3)]
    [InlineData(5, int.MaxValue, 5)]
    [InlineData(int.MaxValue, int.MaxValue, int.MaxValue)]
    [InlineData(int.MaxValue, 1, 1)]
    public void Rows_are_split_evenly(int left, int most, int part)
    {
        using var rows = new BatchCache<Nothing>(_ => new Nothing());
        Assert.Equal(part, rows.Part(left, most));
    }

    [Theory]
    [InlineData(8, 8)]
    [InlineData(5, 8)]
    [InlineData(4, 4)]
    [InlineData(1, 1)]
    public void A_smaller_batch_is_padded_where_less_than_half_of_the_recording_would_be_idle(int left, int part)
    {
        using var rows = new BatchCache<Nothing>(_ => new Nothing());
        rows.With(8, (_, images) => images, null);
        Assert.Equal(part, rows.Part(left, 8));
    }

    [Theory]
    [InlineData(3_000_000)]
    [InlineData(int.MaxValue)]
    public void More_copies_than_a_tensor_can_hold_are_refused_with_what_they_would_take(int copies)
    {
        using var backend = new CpuBackend(1);
        ArgumentException refused = Assert.Throws<ArgumentException>(() => new PerSampleBottleneck(
            FullMemoryTests.Tiny(backend), FullMemoryTests.Statistics(FullMemoryTests.Tiny(backend), "relu"), FullMemoryTests.Image, 1,
            new BottleneckSettings { Copies = copies }));
        Assert.StartsWith($"copies is {copies}: the noisy features (1, 16, 16, 4) of one image would take {copies * 4096L >> 20} MiB", refused.Message);
        Assert.Contains("the most is 2097151 copies", refused.Message);
    }

    [Fact]
    public void A_batch_with_a_tensor_of_more_elements_than_an_int_counts_is_halved()
    {
        List<int> halved = [];
        using var large = new BatchCache<Nothing>(images => Record(new Shape(1, 1 << 20), images));
        Assert.Equal(1250, large.With(5000, (_, images) => images, halved.Add));
        Assert.Equal([2500, 1250], halved);

        using var one = new BatchCache<Nothing>(images => Record(new Shape(1, int.MaxValue), 2 * images));
        Assert.Contains($"{2L * int.MaxValue} elements", Assert.Throws<TensorSizeException>(() => one.With(8, (_, images) => images, null)).Message);

        static Nothing Record(Shape image, int images)
        {
            _ = image.WithN(images);
            return new Nothing();
        }
    }

    /// <summary>
    /// The layer before the bottleneck's is 1024 wide: (1, 16, 16, 1024) for each image. 9000 of them are more than an int counts, which shows only when
    /// the trunk is recorded.
    /// </summary>
    [Fact]
    public void A_batch_that_proves_too_large_while_it_is_explained_is_halved()
    {
        const int Wide = 1024, Many = 9000;
        using var backend = new CpuBackend(1);
        ParameterPair Of(string name, Shape weights) =>
            new(new Parameter($"{name}.weight", backend.Allocate(weights)), new Parameter($"{name}.bias", backend.Allocate(new Shape(weights.N))));
        var network = new Network("wide", backend,
        [
            new ConvolutionLayer("wide", Of("wide", new Shape(Wide, 1, 1, 3)), new ConvGeometry(1)),
            new ConvolutionLayer("narrow", Of("narrow", new Shape(2, 1, 1, Wide)), new ConvGeometry(1)),
            new AveragePoolLayer("avgpool", 1),
            new LinearLayer("fc", Of("fc", new Shape(3, 2))),
        ]);
        using var method = new PerSampleBottleneck(
            network, FullMemoryTests.Statistics(network, "narrow"), FullMemoryTests.Image, Many, new BottleneckSettings { Steps = 1, Copies = 1 });
        IReadOnlyList<Sample> samples = [.. Enumerable.Repeat(FullMemoryTests.Samples(1)[0], Many)];
        Assert.Contains($"going on with {Many / 2} images at a time",
            Assert.Throws<OperationCanceledException>(() => method.Attribute(samples, new UntilNote()).First()).Message);
    }

    /// <summary>As when a device's memory is full, half as many images may fit.</summary>
    [Fact]
    public void A_tape_too_large_for_one_allocation_is_reported_as_out_of_memory()
    {
        using var backend = new CpuBackend(1);
        using var tape = new Tape(backend);
        Value a = tape.Constant(Tensor.WithoutData(new Shape(1 << 30)), "x").Relu(), b = a.Sigmoid();
        Assert.Contains("8192 MiB in one piece", Assert.Throws<DeviceMemoryException>(() => tape.Plan(null, a, b)).Message);
    }

    [Fact]
    public void Settings_that_are_no_number_are_named()
    {
        foreach ((BottleneckSettings settings, string name) in ((BottleneckSettings, string)[])[
            (new() { InitialAlpha = float.NaN }, "initial alpha"), (new() { MinimumStd = float.PositiveInfinity }, "minimum standard deviation"),
            (new() { MinimumStd = float.NaN }, "minimum standard deviation"), (new() { ActiveThreshold = float.NaN }, "active threshold"),
            (new() { ActiveThreshold = 1.5f }, "active threshold"), (new() { InitialAlpha = float.NegativeInfinity }, "initial alpha")])
        {
            Assert.StartsWith(name, Assert.Throws<ArgumentException>(settings.Check).Message);
        }
    }

    /// <summary>Ends the work with its first note.</summary>
    private sealed class UntilNote : IProgress<AttributionProgress>
    {
        public void Report(AttributionProgress at)
        {
            if (at.Note is { } note)
                throw new OperationCanceledException(note);
        }
    }

    private sealed class Nothing : IDisposable
    {
        public void Dispose()
        {
        }
    }
}
