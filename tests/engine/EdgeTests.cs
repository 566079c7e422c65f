using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Ops;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Emulator;
using Xunit;

namespace Tests.Engine;

/// <summary>A caller's mistake gives an exception that names it: never another tensor's values, never the end of the process.</summary>
public abstract class EdgeTests(Device on) : TestsOnDevice(on)
{
    private static readonly ConvGeometry Kernel = new(3, 1, 1);
    private static readonly AdamSettings Fast = new(0.1);

    private readonly IBackend _backend = on.Backend;

    /// <summary>Every verb with one tensor of another size than the others need.</summary>
    private static readonly Dictionary<string, Action<IBackend, Func<int[], Tensor>>> Misfits = new()
    {
        ["Copy"] = (b, t) => b.Copy(t([9]), t([8])),
        ["Convert"] = (b, t) => b.Convert(t([9]), t([9])),
        ["Map"] = (b, t) => b.Map(new Relu(), t([9]), t([8])),
        ["MapBackward"] = (b, t) => b.MapBackward(new Relu(), t([8]), t([8]), t([9]), Into(t([8]))),
        ["Add"] = (b, t) => b.Add(t([8]), t([8]), t([9])),
        ["Multiply"] = (b, t) => b.Multiply(t([8]), t([9]), t([8])),
        ["MultiplyBackward"] = (b, t) => b.MultiplyBackward(t([8]), t([8]), Into(t([9]))),
        ["Ratio"] = (b, t) => b.Ratio(t([8]), t([9]), 1, t([8])),
        ["Accumulate"] = (b, t) => b.Accumulate(t([8]), Into(t([7]))),
        ["Gate"] = (b, t) => b.Gate(t([8]), t([9])),
        ["Sum"] = (b, t) => b.Sum(t([8]), 1, t([3])),
        ["SumBackward"] = (b, t) => b.SumBackward(t([3]), 1, Into(t([8]))),
        ["Linear"] = (b, t) => b.Linear(t([2, 3]), t([4, 3]), t([5]), false, t([2, 4])),
        ["LinearBackwardData"] = (b, t) => b.LinearBackwardData(t([2, 4]), t([4, 3]), Into(t([3, 3]))),
        ["LinearBackwardWeights"] = (b, t) => b.LinearBackwardWeights(t([2, 3]), t([3, 4]), Into(t([4, 3]))),
        ["BiasBackward"] = (b, t) => b.BiasBackward(t([2, 4]), Into(t([5]))),
        ["Convolution"] = (b, t) => b.Convolution(t([1, 5, 5, 2]), t([4, 3, 3, 2]), null, null, false, Kernel, t([1, 5, 6, 4])),
        ["ConvolutionBackwardData"] = (b, t) => b.ConvolutionBackwardData(t([1, 5, 5, 4]), t([4, 3, 3, 3]), Kernel, Into(t([1, 5, 5, 2]))),
        ["ConvolutionBackwardWeights"] = (b, t) => b.ConvolutionBackwardWeights(t([2, 5, 5, 2]), t([1, 5, 5, 4]), Kernel, Into(t([4, 3, 3, 2]))),
        ["MaxPool"] = (b, t) => b.MaxPool(t([1, 4, 4, 2]), new ConvGeometry(2, 2), t([1, 3, 2, 2])),
        ["MaxPoolBackward"] = (b, t) => b.MaxPoolBackward(t([1, 4, 4, 2]), t([1, 2, 2, 2]), t([1, 2, 2, 3]), new ConvGeometry(2, 2), Into(t([1, 4, 4, 2]))),
        ["Subsample"] = (b, t) => b.Subsample(t([1, 4, 4, 2]), 2, t([1, 2, 3, 2])),
        ["SubsampleBackward"] = (b, t) => b.SubsampleBackward(t([1, 2, 2, 2]), 2, Into(t([1, 5, 4, 2]))),
        ["AdaptiveAveragePool"] = (b, t) => b.AdaptiveAveragePool(t([1, 4, 4, 2]), t([2, 1, 1, 2])),
        ["AdaptiveAveragePoolBackward"] = (b, t) => b.AdaptiveAveragePoolBackward(t([1, 1, 1, 2]), Into(t([1, 4, 4, 3]))),
        ["Inlay"] = (b, t) => b.Inlay(t([1, 4, 4, 2]), t([1, 2, 2, 2]), [new(new(0, 1, 4, 1), new(0, 1, 3, 1))], t([1, 4, 4, 2])),
        ["Resize"] = (b, t) => b.Resize(t([1, 4, 4, 2]), Corners.Aligned, t([1, 2, 2, 3])),
        ["ResizeBackward"] = (b, t) => b.ResizeBackward(t([2, 2, 2, 2]), Corners.Aligned, Into(t([1, 4, 4, 2]))),
        ["Blur"] = (b, t) => b.Blur(t([1, 2, 9, 1]), t([5]), t([1, 2, 9, 1])),
        ["BlurBackward"] = (b, t) => b.BlurBackward(t([1, 9, 9, 1]), t([3]), Into(t([1, 9, 8, 1]))),
        ["CrossEntropy"] = (b, t) => b.CrossEntropy(t([2, 4]), t([3]), t([2])),
        ["CrossEntropyBackward"] = (b, t) => b.CrossEntropyBackward(t([2, 4]), t([2]), t([3]), Into(t([2, 4]))),
        ["Standardise"] = (b, t) => b.Standardise(t([2, 4]), t([5]), t([5]), t([2, 4])),
        ["Restrict"] = (b, t) => b.Restrict(t([2, 4]), t([2, 4]), t([4]), t([4]), t([4]), new Noise(1, t([2]), t([1])), false, t([3, 4])),
        ["RestrictBackward"] = (b, t) => b.RestrictBackward(
            t([2, 4]), t([4]), t([4]), t([4]), new Noise(1, t([3]), t([1])), false, t([4, 4]), t([4, 4]), Into(t([2, 4]))),
        ["Information"] = (b, t) => b.Information(t([2, 4]), t([2, 4]), t([5]), t([2, 4])),
        ["InformationBackward"] = (b, t) => b.InformationBackward(t([2, 4]), t([2, 4]), t([4]), t([3, 4]), Into(t([2, 4]))),
        ["Turn"] = (b, t) => b.Turn(new MaskTurn
        {
            X = t([2, 4, 4, 4]),
            Statistics = (t([1, 4, 4, 4]), t([1, 4, 4, 4]), t([1, 4, 4, 4])),
            Noise = new Noise(1, t([2]), t([1])),
            Clamp = false,
            Weight = 1,
            Taps = t([3]),
            Settings = Fast,
            Parameter = (t([2, 4, 4, 4]), t([2, 4, 4, 4]), t([2, 4, 4, 4])),
            Mask = t([2, 4, 4, 4]),
            Z = t([5, 4, 4, 4]),
            Dz = t([5, 4, 4, 4]),
            Information = t([2]),
        }),
        ["AddNoise"] = (b, t) => b.AddNoise(t([2, 4]), new Noise(1, t([2]), t([1])), 1, t([3, 4])),
        ["Adam"] = (b, t) => b.Adam(t([8]), t([8]), t([9]), t([8]), t([1]), Fast),
        ["SgdMomentum"] = (b, t) => b.SgdMomentum(t([8]), t([7]), t([8]), new SgdSettings(0.1)),
        ["Append"] = (b, t) => b.Append(t([3]), t([1]), t([4])),
    };

    public static TheoryData<string> Verbs => [.. Misfits.Keys];

    [Theory]
    [MemberData(nameof(Verbs))]
    public void A_verb_refuses_tensors_that_do_not_fit_each_other(string verb)
    {
        ShapeException error = Assert.Throws<ShapeException>(() => Misfits[verb](_backend, dims => _backend.Allocate(new Shape(dims))));
        Assert.StartsWith($"{verb}: cannot take (", error.Message);
    }

    /// <summary>Fill and Advance take any tensor; Allocate, Upload, Download and Replay have tests of their own; the rest tells what a device has.</summary>
    [Fact]
    public void Every_verb_that_joins_tensors_is_in_the_table() => Assert.Equal(
        typeof(IBackend).GetMethods().Select(verb => verb.Name)
            .Except(["get_Name", "get_Activations", "get_PrefersSubsampling", "get_ComputesWindows", "Tile", "Turns"])
            .Except(["Enter", "Fill", "Advance", "Allocate", "Upload", "Download", "Replay"]).Order(),
        Misfits.Keys.Order());

    [Theory]
    [InlineData(0, 11)]
    [InlineData(10, 1)]
    [InlineData(-1, 2)]
    [InlineData(3, 0)]
    [InlineData(9, int.MaxValue)]
    public void Rows_that_a_tensor_has_not_are_refused(int first, int count)
    {
        Tensor t = _backend.Allocate(new Shape(10, 7));
        Assert.Contains("(10, 7), whose rows are 0 to 9", Assert.Throws<ArgumentOutOfRangeException>(() => t.Rows(first, count)).Message);
        Assert.Equal(new Shape(10, 7), t.Rows(0, 10).Shape);
    }

    [Fact]
    public void A_view_stays_inside_its_tensor_and_a_tensor_inside_its_storage()
    {
        Tensor t = _backend.Allocate(new Shape(10, 7)), row = t.Rows(3, 1);
        Assert.Contains("inside the tensor (10, 7)", Assert.Throws<ArgumentOutOfRangeException>(() => t.View(1, new Shape(70))).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => row.View(1, new Shape(7)));
        Assert.Throws<ArgumentOutOfRangeException>(() => t.View(-1, new Shape(7)));
        Assert.Throws<ArgumentOutOfRangeException>(() => t.View(long.MaxValue, new Shape(7)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Tensor(new Shape(71), t.Storage));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Tensor(new Shape(1), t.Storage, long.MaxValue));
        Assert.Equal(63, t.View(63, new Shape(7)).Offset);
        Assert.Equal(126, t.As(Element.BFloat16, 63, new Shape(14)).Offset);
        Assert.Throws<ArgumentOutOfRangeException>(() => t.As(Element.BFloat16, 63, new Shape(15)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Tensor(new Shape(141), t.Storage, 0, Element.BFloat16));
    }

    /// <summary>In float32 no device has tensors of another type.</summary>
    [Fact]
    public void A_tensor_of_another_element_type_is_refused()
    {
        Tensor half = _backend.Allocate(new Shape(1, 4, 4, 2)).As(Element.BFloat16, 0, new Shape(1, 4, 4, 2)), whole = _backend.Allocate(half.Shape);
        foreach (Action use in (Action[])[
            () => _backend.Fill(half, 1), () => _backend.Gate(half, half), () => _backend.Convert(whole, half),
            () => _backend.MaxPool(half, new ConvGeometry(1), half), () => _backend.Read(half)])
            Assert.Contains("(1, 4, 4, 2) is BFloat16, which this verb of", Assert.Throws<ArgumentException>(use).Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(11)]
    [InlineData(13)]
    public void The_host_has_as_many_numbers_as_the_tensor(int count)
    {
        Tensor t = _backend.Tensor(new Shape(3, 4), [.. Enumerable.Range(1, 12).Select(i => (float)i)]);
        Assert.Contains($"has {count} numbers, the tensor (3, 4) has 12", Assert.Throws<ArgumentException>(() => _backend.Upload(new float[count], t)).Message);
        Assert.Contains($"has {count} numbers, the tensor (3, 4) has 12",
            Assert.Throws<ArgumentException>(() => _backend.Download(t, new float[count])).Message);
        Assert.Equal(Enumerable.Range(1, 12).Select(i => (float)i), _backend.Read(t));
    }

    [Fact]
    public void Numbers_of_a_disposed_tensor_are_refused_on_every_path()
    {
        Tensor gone = _backend.Allocate(new Shape(1000, 8)), alive = _backend.Allocate(new Shape(1, 8));
        Tensor view = gone.Rows(900, 1);
        using var tape = new Tape(_backend);
        Value x = tape.Variable(view, "x"), y = (x * x).Sum();
        tape.Forward();
        using var adam = new Adam(_backend, Fast, view);
        gone.Storage.Dispose();
        gone.Storage.Dispose();
        foreach (Action use in (Action[])[
            () => _backend.Fill(gone, 1), () => _backend.Fill(view, 1), () => _backend.Read(view), () => _backend.Upload(new float[8], view),
            () => _backend.Copy(alive, view), () => _backend.Add(alive, view, alive), tape.Forward, () => tape.Backward(y), () => adam.Step(alive)])
        {
            Assert.Contains("Dispose it after its last use", Assert.Throws<ObjectDisposedException>(use).Message);
        }
        Assert.Equal(new float[8], _backend.Read(alive));
    }

    [Fact]
    public void What_was_disposed_says_so_and_may_be_disposed_again()
    {
        Tensor x = _backend.Tensor(new Shape(2), 1, 2);
        var tape = new Tape(_backend);
        Value loss = tape.Variable(x, "x").Sum();
        tape.Forward();
        var adam = new Adam(_backend, Fast, x);
        var sgd = new Sgd(_backend, new SgdSettings(0.1), x);
        IReplay replay = _backend.Replay(() => _backend.Fill(x, 1));
        foreach (IDisposable each in (IDisposable[])[tape, adam, sgd, replay])
        {
            each.Dispose();
            each.Dispose();
        }
        Assert.Contains("tape was disposed", Assert.Throws<ObjectDisposedException>(tape.Forward).Message);
        Assert.Contains("tape was disposed", Assert.Throws<ObjectDisposedException>(() => tape.Backward(loss)).Message);
        Assert.Contains("tape was disposed", Assert.Throws<ObjectDisposedException>(() => tape.Plan(null)).Message);
        Assert.Contains("tape was disposed", Assert.Throws<ObjectDisposedException>(() => tape.Constant(x, "late")).Message);
        Assert.Contains("replay was disposed", Assert.Throws<ObjectDisposedException>(replay.Run).Message);
        Assert.Throws<ObjectDisposedException>(() => adam.Step(x));
        Assert.Throws<ObjectDisposedException>(adam.Reset);
        Assert.Throws<ObjectDisposedException>(() => sgd.Step(x));
        Assert.Throws<ObjectDisposedException>(() => _backend.Read(loss));
    }

    /// <summary>The third run is the second of a captured graph, which holds addresses alone.</summary>
    [Fact]
    public void A_replay_notices_that_its_tensors_were_disposed()
    {
        Tensor x = _backend.Tensor(new Shape(2), 1, 2), y = _backend.Allocate(new Shape(2));
        using IReplay replay = _backend.Replay(() => _backend.Add(x, x, y));
        for (int run = 0; run < 3; run++)
            replay.Run();
        Assert.Equal([2, 4], _backend.Read(y));
        x.Storage.Dispose();
        Assert.Throws<ObjectDisposedException>(replay.Run);
        Assert.Equal([2, 4], _backend.Read(y));
    }

    [Fact]
    public void A_tensor_of_another_backend_is_refused()
    {
        using var other = new CpuBackend(1);
        Tensor theirs = other.Allocate(new Shape(4)), ours = _backend.Allocate(new Shape(4)), none = Tensor.WithoutData(new Shape(4));
        foreach (Tensor stranger in (Tensor[])[theirs, none])
        {
            Assert.Contains("(4) is not this backend's", Assert.Throws<ArgumentException>(() => _backend.Fill(stranger, 1)).Message);
            Assert.Throws<ArgumentException>(() => _backend.Download(stranger, new float[4]));
            Assert.Throws<ArgumentException>(() => _backend.Add(ours, stranger, ours));
            Assert.Throws<ArgumentException>(
                () => _backend.Linear(ours.View(0, new(1, 4)), ours.View(0, new(1, 4)), stranger.View(0, new(1)), false, ours.View(0, new(1, 1))));
        }
    }

    [Fact]
    public void Missing_arguments_are_named()
    {
        Tensor x = _backend.Allocate(new Shape(4));
        using var tape = new Tape(_backend);
        Value v = tape.Variable(x, "x");
        foreach (Action call in (Action[])[
            () => _backend.Fill(null!, 1), () => _backend.Add(x, null!, x), () => _backend.Upload([1], null!), () => _backend.Download(null!, [0]),
            () => _backend.Accumulate(x, default), () => _backend.AddNoise(x, default, 1, x), () => _backend.Replay(null!), () => _ = new Tape(null!),
            () => tape.Variable(null!, "x"), () => tape.Constant(x, null!), () => tape.Record(null!, v), () => tape.Record(new Add(), v, null!),
            () => tape.Backward(null!), () => _ = new Tensor(new Shape(1), null!),
            () => _ = new Adam(null!, Fast, x), () => _ = new Adam(_backend, Fast, null!),
            () => _ = new Sgd(_backend, new SgdSettings(1), x, null!)])
        {
            Assert.Throws<ArgumentNullException>(call);
        }
    }

    /// <summary>In the first run, in the second (which a GPU captures), by its own thread and by another.</summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    public void A_replay_that_is_disposed_while_it_runs_ends_its_run(int at, bool elsewhere)
    {
        Tensor x = _backend.Allocate(new Shape(1));
        int run = 0;
        IReplay replay = null!;
        replay = _backend.Replay(() =>
        {
            _backend.Advance(x);
            if (++run < at)
                return;
            var disposing = new Thread(replay.Dispose);
            if (elsewhere)
            {
                disposing.Start();
                disposing.Join();
            }
            else
                replay.Dispose();
            _backend.Advance(x);
        });
        for (int i = 0; i < at; i++)
            replay.Run();
        Assert.Equal([at + 1], _backend.Read(x));
        Assert.Contains("replay was disposed", Assert.Throws<ObjectDisposedException>(replay.Run).Message);
        replay.Dispose();
    }

    [Fact]
    public void A_replay_that_runs_itself_is_refused()
    {
        IReplay replay = null!;
        replay = _backend.Replay(() => replay.Run());
        Assert.Contains("runs itself", Assert.Throws<InvalidOperationException>(replay.Run).Message);
        replay.Dispose();
    }

    [Fact]
    public void Impossible_kernels_strides_and_paddings_are_refused()
    {
        Tensor x = _backend.Allocate(new Shape(1, 5, 5, 1)), y = _backend.Allocate(new Shape(1, 3, 3, 1)), w = _backend.Allocate(new Shape(1, 1, 1, 1));
        foreach (var geometry in (ConvGeometry[])[new(1, 1, int.MaxValue), new(1, 0), new(1, -1), new(0), new(1, 1, -1), new(1, int.MaxValue, int.MaxValue)])
        {
            Assert.Equal(0, geometry.Output(5));
            Assert.Throws<ShapeException>(() => _backend.MaxPool(x, geometry, y));
            Assert.Throws<ShapeException>(() => _backend.Convolution(x, w, null, null, false, geometry, y));
            using var tape = new Tape(_backend);
            Value image = tape.Constant(x, "x");
            Assert.Throws<ShapeException>(() => image.MaxPool(geometry));
            Assert.Throws<ShapeException>(() => image.Convolution(tape.Constant(w, "w"), geometry));
        }
        Assert.Equal(int.MaxValue - 1, new ConvGeometry(2, 1, int.MaxValue / 2).Output(1));
    }

    [Fact]
    public void A_disposed_scope_refuses_new_tensors()
    {
        var scope = new TensorScope(_backend);
        scope.Allocate(new Shape(1));
        scope.Dispose();
        scope.Dispose();
        Assert.Throws<ObjectDisposedException>(() => scope.Allocate(new Shape(1)));
        Assert.Throws<ObjectDisposedException>(() => scope.Upload([1], new Shape(1)));
        Assert.Throws<ArgumentNullException>(() => new TensorScope(null!));
    }

    /// <summary>Inside a replay the backend is certainly busy, without a race.</summary>
    [Fact]
    public void A_second_thread_gets_an_exception_because_there_may_be_one_caller()
    {
        Tensor x = _backend.Allocate(new Shape(4));
        var errors = new List<Exception?>();
        using IReplay replay = _backend.Replay(() =>
        {
            _backend.Fill(x, 5);
            var other = new Thread(() =>
            {
                errors.Add(Record.Exception(() => _backend.Fill(x, 7)));
                errors.Add(Record.Exception(() => _backend.Allocate(new Shape(4))));
                errors.Add(Record.Exception(_backend.Dispose));
            });
            other.Start();
            other.Join();
        });
        replay.Run();
        Assert.Equal(3, errors.Count);
        Assert.All(errors, error => Assert.Contains("one caller at a time", Assert.IsType<InvalidOperationException>(error).Message));
        Assert.Equal([5, 5, 5, 5], _backend.Read(x));
    }

    [Fact]
    public void After_a_failed_call_the_backend_takes_the_next_one()
    {
        Tensor x = _backend.Allocate(new Shape(4));
        Assert.Throws<ArgumentException>(() => _backend.Upload([], x));
        using IReplay replay = _backend.Replay(() => throw new FormatException());
        Assert.Throws<FormatException>(replay.Run);
        _backend.Fill(x, 2);
        Assert.Equal([2, 2, 2, 2], _backend.Read(x));
    }

    private static Accumulator Into(Tensor x) => new(x, Adds: false);
}

public sealed class EdgeTestsOnCpu(Cpu cpu) : EdgeTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class EdgeTestsOnCuda(Gpu gpu) : EdgeTests(gpu);

public sealed class EdgeTestsOnEmulatedCuda() : EdgeTests(new EmulatedGpu());

/// <summary>Disposing of a backend.</summary>
public sealed class DisposedBackendTests
{
    public static TheoryData<bool> OnGpu => [false, true];

    [Theory]
    [MemberData(nameof(OnGpu))]
    public void A_disposed_backend_says_so_to_everything_that_still_runs_on_it(bool onGpu)
    {
        using FakeGpu? gpu = onGpu ? new FakeGpu(computes: true) : null;
        IBackend backend = onGpu ? gpu!.Open() : new CpuBackend(2);
        Tensor x = backend.Tensor(new Shape(2), 1, 2);
        var tape = new Tape(backend);
        Value loss = tape.Variable(x, "x").Sum();
        tape.Forward();
        var adam = new Adam(backend, new AdamSettings(0.1), x);
        IReplay replay = backend.Replay(tape.Forward);
        for (int run = 0; run < 3; run++)
            replay.Run();
        backend.Dispose();
        backend.Dispose();
        foreach (Action use in (Action[])[
            () => backend.Fill(x, 1), () => backend.Allocate(new Shape(1)), () => backend.Read(x), () => backend.Upload([1, 2], x),
            tape.Forward, () => tape.Backward(loss), () => adam.Step(x), replay.Run, () => backend.Replay(tape.Forward)])
        {
            Assert.Contains("this backend", Assert.Throws<ObjectDisposedException>(use).Message);
        }
        foreach (IDisposable each in (IDisposable[])[replay, tape, adam, x.Storage, backend])
            each.Dispose();
    }

    [Theory]
    [MemberData(nameof(OnGpu))]
    public void A_backend_that_is_disposed_inside_its_own_replay_stays(bool onGpu)
    {
        using FakeGpu? gpu = onGpu ? new FakeGpu(computes: true) : null;
        using IBackend backend = onGpu ? gpu!.Open() : new CpuBackend(2);
        using IReplay replay = backend.Replay(backend.Dispose);
        Assert.Contains("replay", Assert.Throws<InvalidOperationException>(replay.Run).Message);
        Assert.Equal([3], backend.Read(backend.Tensor(new Shape(1), 3)));
    }

    /// <summary>A backend that was used on another thread releases every native handle in its own context.</summary>
    [Fact]
    public void A_gpu_can_be_disposed_on_any_thread()
    {
        using var gpu = new FakeGpu(computes: true);
        IBackend backend = gpu.Open();
        Tensor x = backend.Allocate(new Shape(1, 4, 4, 4)), w = backend.Allocate(new Shape(4, 3, 3, 4)), y = backend.Allocate(x.Shape);
        backend.Convolution(x, w, null, null, false, new ConvGeometry(3, 1, 1), y);
        var inContext = new List<bool>();
        gpu.Cudnn.Destroying = () => inContext.Add(gpu.Driver.ContextThread == Environment.CurrentManagedThreadId);
        var other = new Thread(() =>
        {
            gpu.Join();
            backend.Dispose();
        });
        other.Start();
        other.Join();
        Assert.NotEmpty(inContext);
        Assert.All(inContext, Assert.True);
        Assert.Empty(gpu.Driver.Held);
    }
}
