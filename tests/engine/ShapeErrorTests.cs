using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests.Engine;

/// <summary>An op whose inputs do not fit gives an error at recording that names the op, the shapes and what it takes.</summary>
public sealed class ShapeErrorTests : IDisposable
{
    private readonly CpuBackend _backend = new(threads: 1);

    /// <summary>The op's name, the shapes, and how it is recorded.</summary>
    private static readonly Dictionary<string, (Shape[] Shapes, Func<Value[], Value> Record)> Misfits = new()
    {
        ["Add"] = ([new(2, 3), new(3, 2)], v => v[0] + v[1]),
        ["Multiply"] = ([new(2, 3), new(2, 4)], v => v[0] * v[1]),
        ["Sum"] = ([new(2, 5)], v => v[0].MeanRuns(3)),
        ["MaxPool"] = ([new(1, 2, 5, 3)], v => v[0].MaxPool(new ConvGeometry(3, 2))),
        ["Subsample"] = ([new(4, 5)], v => v[0].Subsample(2)),
        ["AdaptiveAveragePool"] = ([new(4, 5)], v => v[0].AdaptiveAveragePool(7, 7)),
        ["Resize"] = ([new(4, 5)], v => v[0].Resize(7, 7, Corners.HalfPixel)),
        ["Blur"] = ([new(1, 2, 9, 3), new(5)], v => v[0].Blur(v[1])),
        ["CrossEntropy"] = ([new(3, 10), new(4)], v => v[0].CrossEntropy(v[1])),
        ["Information"] = ([new(2, 3, 3, 4), new(1, 3, 3, 4), new(1, 3, 3, 4)], v => v[0].Information(v[1], v[2])),
        ["Restrict"] = (
            [new(2, 3, 3, 4), new(2, 3, 3, 4), new(1, 3, 3, 4), new(1, 3, 3, 4), new(2, 3, 3, 4), new(2), new(1)],
            v => v[0].Restrict(v[1], (v[2], v[3], v[4]), v[5], v[6], new Restrict(2, 0, false, false))),
        ["Convert"] = ([new(2, 3)], v => v[0].Tape.Record(new Iba.Engine.Ops.Convert(Element.Float32, 2), v[0])),
        ["Linear"] = ([new(2, 3), new(5, 4)], v => v[0].Linear(v[1])),
        ["Convolution"] = ([new(1, 5, 5, 3), new(8, 3, 3, 4)], v => v[0].Convolution(v[1], new ConvGeometry(3))),
    };

    public static TheoryData<string> Ops => [.. Misfits.Keys];

    public void Dispose() => _backend.Dispose();

    [Theory]
    [MemberData(nameof(Ops))]
    public void A_shape_mismatch_names_the_op_and_every_shape(string op)
    {
        (Shape[] shapes, Func<Value[], Value> record) = Misfits[op];
        using var tape = new Tape(_backend);
        Value[] inputs = [.. shapes.Select((shape, i) => tape.Constant(_backend.Allocate(shape), $"x{i}"))];
        ShapeException error = Assert.Throws<ShapeException>(() => record(inputs));
        Assert.StartsWith(op, error.Message);
        Assert.All(shapes, shape => Assert.Contains(shape.ToString(), error.Message));
        Assert.Contains("It takes", error.Message);
    }

    /// <summary>The table is complete: an op added to engine/ops must be added to it, or be one that takes any shape.</summary>
    [Fact]
    public void Every_op_that_checks_shapes_is_in_the_table()
    {
        IEnumerable<string> files = Directory.EnumerateFiles(Path.Combine(Golden.Root, "engine", "ops"), "*.cs")
            .Where(file => File.ReadAllText(file).Contains("Refuse(")).Select(file => Path.GetFileNameWithoutExtension(file));
        Assert.Equal(files.Order(), Misfits.Keys.Order());
    }

    [Fact]
    public void A_target_that_is_no_class_is_refused_before_memory_is_read()
    {
        Tensor logits = _backend.Allocate(new Shape(2, 10)), y = _backend.Allocate(new Shape(2));
        foreach (float wrong in (float[])[10, -1, float.NaN, 1e9f])
        {
            Tensor targets = _backend.Tensor(new Shape(2), 3, wrong);
            var error = Assert.Throws<ArgumentOutOfRangeException>(() => _backend.CrossEntropy(logits, targets, y));
            Assert.Contains("row 1", error.Message);
            Assert.Contains("0 to 9", error.Message);
        }
    }

    [Fact]
    public void A_value_of_another_tape_is_refused()
    {
        using Tape one = new(_backend), other = new(_backend);
        Value a = one.Constant(_backend.Allocate(new Shape(3)), "a"), b = other.Constant(_backend.Allocate(new Shape(3)), "b");
        Assert.Contains("'b'", Assert.Throws<ArgumentException>(() => a + b).Message);
    }
}
