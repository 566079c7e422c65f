using System.Globalization;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Backends.Cuda.Plans;
using Xunit;

namespace Tests.Emulator;

/// <summary>
/// The attributes set on cuDNN's descriptors (order, name, type, count, bytes) are those of its manual, for every convolution
/// that attributing with ResNet-50 and VGG-16 needs. The expectation is written here in the header's own numbers.
/// </summary>
public sealed class ConvolutionGraphTests : IDisposable
{
    // Descriptor types, attribute types and data types of cudnn_graph.h.
    private const int Pointwise = 0, Convolution = 1, Forward = 10, Filter = 11, Data = 12, PointwiseOperation = 13, OperationGraph = 15, Tensor = 17;
    private const int Handle = 0, DataType = 1, Boolean = 2, Int64 = 3, Float = 4, Double = 5, ConvolutionMode = 7, PointwiseMode = 14, Descriptor = 15;
    private const int Float32 = 0, Bf16 = 9;

    private readonly FakeCudnn _cudnn = new();
    private readonly Descriptors _descriptors;

    public ConvolutionGraphTests() => _descriptors = new Descriptors(_cudnn.Table());

    public void Dispose()
    {
        _descriptors.Dispose();
        _cudnn.Dispose();
    }

    public static TheoryData<Precision, string> All => new MatrixTheoryData<Precision, string>(
        [Precision.Float32, Precision.TensorFloat32, Precision.BFloat16], ["fused", "fused, bias first", "single"]);

    [Theory]
    [MemberData(nameof(All))]
    public void Every_unit_of_both_networks_is_described_as_the_manual_asks(Precision precision, string form) =>
        AreDescribed(NetworkUnits.At(precision), form);

    /// <summary>As they are and as they are drawn: gradients of stride 1 as forward convolutions.</summary>
    [Theory]
    [InlineData("fused")]
    [InlineData("fused, bias first")]
    [InlineData("single")]
    public void Units_of_bfloat16_tensors_have_them_in_and_out(string form)
    {
        AreDescribed(NetworkUnits.At(Precision.BFloat16, halves: true), form);
        AreDescribed(NetworkUnits.At(Precision.BFloat16, halves: true).Select(unit => unit.Drawn), form);
    }

    private void AreDescribed(IEnumerable<ConvolutionUnit> all, string form)
    {
        int units = 0;
        foreach (ConvolutionUnit unit in all)
        {
            _cudnn.Made.Clear();
            var graph = new ConvolutionGraph(_descriptors, unit);
            nint finished = form == "single" ? graph.Single(77) : graph.Fused(77, biasFirst: form == "fused, bias first");
            string[] expected = [.. new Expectation(unit, form).Lines()], actual = [.. Recorded()];
            Assert.Equal(expected, actual);
            Assert.Equal(_cudnn.Made[^1].Handle, finished);
            Assert.Equal(new Expectation(unit, form).Ids(), graph.Roles.Select(role => (long)role));
            units++;
        }
        Assert.Equal((27 + 10) * 9, units);
        Assert.Empty(_cudnn.Misuse);
    }

    [Fact]
    public void Every_descriptor_goes_when_its_builder_goes()
    {
        new ConvolutionGraph(_descriptors, NetworkUnits.At(Precision.BFloat16).ElementAt(1)).Fused(77);
        Assert.True(_cudnn.LiveDescriptors > 0);
        _descriptors.Dispose();
        Assert.Equal(0, _cudnn.LiveDescriptors);
    }

    [Fact]
    public void A_view_at_any_offset_is_declared_as_aligned_to_one_float()
    {
        new ConvolutionGraph(_descriptors, NetworkUnits.At(Precision.TensorFloat32).First() with { Alignment = 4 }).Single(77);
        Assert.All(_cudnn.Made.Where(made => (int)made.Kind == Tensor), tensor =>
            Assert.Equal([4L], tensor[cudnnBackendAttributeName.CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT].As<long>()));
    }

    /// <summary>
    /// The attributes set, one line for each descriptor and attribute: name, type, count, bytes, values. Descriptors are numbered in the order of
    /// their creation.
    /// </summary>
    private IEnumerable<string> Recorded()
    {
        foreach (FakeDescriptor made in _cudnn.Made)
        {
            Assert.True(made.Finalized);
            yield return $"descriptor {(int)made.Kind}";
            foreach (FakeAttribute attribute in made.Attributes)
                yield return $"{(int)attribute.Name} {(int)attribute.Type} {attribute.Count} {attribute.Bytes.Length} {Values(attribute)}";
        }
    }

    private string Values(FakeAttribute attribute) => (int)attribute.Type switch
    {
        Descriptor => string.Join(',', attribute.As<nint>().Select(handle => $"#{_cudnn.Made.FindIndex(made => made.Handle == handle)}")),
        Float => string.Join(',', attribute.As<float>().Select(value => value.ToString(CultureInfo.InvariantCulture))),
        Double => string.Join(',', attribute.As<double>().Select(value => value.ToString(CultureInfo.InvariantCulture))),
        Boolean => string.Join(',', attribute.As<byte>()),
        Int64 or Handle => string.Join(',', attribute.As<long>()),
        _ => string.Join(',', attribute.As<int>()),
    };

    /// <summary>The expected lines of a unit, from the manual.</summary>
    private sealed class Expectation(ConvolutionUnit unit, string form)
    {
        private readonly List<string> _lines = [];
        private readonly List<long> _ids = [];
        private int _made, _virtuals;

        private int Input => unit.Precision == Precision.BFloat16 ? Bf16 : Float32;

        private int Output => unit.Halves ? Bf16 : Float32;

        private long P => (unit.H + 2 * unit.Geometry.Padding - unit.Geometry.Kernel) / unit.Geometry.Stride + 1;

        public IEnumerable<long> Ids()
        {
            Lines();
            return _ids;
        }

        public List<string> Lines()
        {
            bool single = form == "single";
            _lines.Clear();
            _ids.Clear();
            (_made, _virtuals) = (0, 0);
            int result = single ? Of(Result, Input) : Virtual();
            List<int> operations = [Sum(result)];
            if (!single)
            {
                var steps = new List<(int Mode, long? Other)>();
                if (form == "fused, bias first")
                    steps = [.. Maybe(unit.Bias, 0, 4L), .. Maybe(unit.Addend, 0, 5L)];
                else
                    steps = [.. Maybe(unit.Addend, 0, 5L), .. Maybe(unit.Bias, 0, 4L)];
                steps.AddRange([.. Maybe(unit.Relu, 100, null), .. Maybe(unit.Gate, 200, 6L)]);
                if (steps.Count == 0 || (Input == Bf16 && Output == Float32 && unit.Direction == Direction.Forward))
                    steps.Insert(0, (21, null));
                for (int i = 0; i < steps.Count; i++)
                {
                    int other = steps[i].Other is { } id ? Of(id, id == 4 ? Float32 : Output) : -1;
                    int next = i == steps.Count - 1 ? Of(Result, Output) : Virtual();
                    operations.Add(Step(steps[i].Mode, result, other, next));
                    result = next;
                }
            }
            Begin(OperationGraph);
            _lines.Add($"800 {Handle} 1 8 77");
            _lines.Add($"801 {Descriptor} {operations.Count} {8 * operations.Count} {string.Join(',', operations.Select(operation => $"#{operation}"))}");
            return _lines;

            static (int, long?)[] Maybe(bool there, int mode, long? other) => there ? [(mode, other)] : [];
        }

        private long Result => unit.Direction switch { Direction.Forward => 3, Direction.BackwardData => 1, _ => 2 };

        private int Sum(int result)
        {
            (int s, int p) = (unit.Geometry.Stride, unit.Geometry.Padding);
            int convolution = Begin(Convolution);
            _lines.AddRange([
                $"100 {DataType} 1 4 {Float32}", $"101 {ConvolutionMode} 1 4 1", $"106 {Int64} 1 8 2", $"105 {Int64} 2 16 {p},{p}",
                $"104 {Int64} 2 16 {p},{p}", $"103 {Int64} 2 16 {s},{s}", $"102 {Int64} 2 16 1,1"]);
            int w = unit.Direction == Direction.BackwardWeights ? result : Of(2, Input);
            int x = unit.Direction == Direction.BackwardData ? result : Of(1, Input);
            int y = unit.Direction == Direction.Forward ? result : Of(3, Input);
            (int kind, int first) = unit.Direction switch { Direction.Forward => (Forward, 700), Direction.BackwardData => (Data, 706), _ => (Filter, 712) };
            int operation = Begin(kind);
            _lines.AddRange([
                $"{first} {Float} 1 4 1", $"{first + 1} {Float} 1 4 0", $"{first + 2} {Descriptor} 1 8 #{convolution}", $"{first + 3} {Descriptor} 1 8 #{w}",
                $"{first + 4} {Descriptor} 1 8 #{x}", $"{first + 5} {Descriptor} 1 8 #{y}"]);
            return operation;
        }

        private int Step(int mode, int x, int other, int result)
        {
            int pointwise = Begin(Pointwise);
            _lines.AddRange([$"0 {PointwiseMode} 1 4 {mode}", $"1 {DataType} 1 4 {Float32}"]);
            if (mode is 100 or 200)
                _lines.AddRange(["2 10 1 4 1", $"3 {Double} 1 8 0", $"4 {Double} 1 8 3.4028234663852886E+38", $"5 {Double} 1 8 0"]);
            int operation = Begin(PointwiseOperation);
            _lines.Add($"750 {Descriptor} 1 8 #{pointwise}");
            if (mode == 200)
                _lines.AddRange([$"751 {Descriptor} 1 8 #{other}", $"757 {Descriptor} 1 8 #{x}", $"756 {Descriptor} 1 8 #{result}"]);
            else
            {
                string[] second = other < 0 ? [] : [$"752 {Descriptor} 1 8 #{other}"];
                _lines.AddRange([$"751 {Descriptor} 1 8 #{x}", .. second, $"753 {Descriptor} 1 8 #{result}"]);
            }
            return operation;
        }

        private int Virtual() => Of(100 + _virtuals++, Float32, Result, isVirtual: true);

        private int Of(long id, int type)
        {
            _ids.Add(id);
            return Of(id, type, id, isVirtual: false);
        }

        private int Of(long id, int type, long like, bool isVirtual)
        {
            (long n, long c, long h, long w) = (like is 5 or 6 ? Result : like) switch
            {
                1 => (unit.N, unit.C, unit.H, unit.W),
                2 => (unit.K, unit.C, unit.Geometry.Kernel, unit.Geometry.Kernel),
                3 => (unit.N, unit.K, P, P),
                _ => (1L, unit.K, 1L, 1L),
            };
            int tensor = Begin(Tensor);
            _lines.AddRange([
                $"901 {DataType} 1 4 {type}", $"902 {Int64} 4 32 {n},{c},{h},{w}", $"903 {Int64} 4 32 {c * h * w},1,{c * w},{c}",
                $"906 {Int64} 1 8 {id}", $"900 {Int64} 1 8 16"]);
            if (isVirtual)
                _lines.Add($"907 {Boolean} 1 1 1");
            return tensor;
        }

        private int Begin(int kind)
        {
            _lines.Add($"descriptor {kind}");
            return _made++;
        }
    }
}
