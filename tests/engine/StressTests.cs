using Iba;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Tests.Emulator;
using Tests.Project;
using Xunit;

namespace Tests.Engine;

/// <summary>
/// Garbage collections at any moment, and several threads at once: the result is right, or an exception names the mistake. The rounds are
/// counted, not timed; IBA_STRESS_ROUNDS multiplies them (tests/full.sh).
/// </summary>
[Collection(nameof(LastCollection))]
public sealed class StressTests
{
    private static readonly int Times = int.TryParse(Environment.GetEnvironmentVariable("IBA_STRESS_ROUNDS"), out int times) ? Math.Max(times, 1) : 1;

    /// <summary>The work of a caller who disposes of nothing: the number of rounds, and the results of one.</summary>
    private static readonly Dictionary<string, (int Rounds, Func<IBackend, float[]> Run)> Paths = new()
    {
        ["fill and download"] = (300, on =>
        {
            Tensor x = on.Allocate(new Shape(10_000));
            on.Fill(x, 3);
            return on.Read(x);
        }
        ),
        ["verbs on tensors that nobody keeps"] = (60, on =>
        {
            Tensor y = on.Allocate(new Shape(2, 8, 8, 16));
            on.Convolution(Ramp(on, 2, 8, 8, 16), Ramp(on, 16, 3, 3, 16), Ramp(on, 16), Ramp(on, 2, 8, 8, 16), true, new ConvGeometry(3, 1, 1), y);
            Tensor sums = on.Allocate(new Shape(2));
            on.Sum(y, 1, sums);
            Tensor z = on.Allocate(new Shape(2, 5));
            on.Linear(y, Ramp(on, 5, 1024), null, false, z);
            return [.. on.Read(sums), .. on.Read(z)];
        }
        ),
        ["tape"] = (30, on =>
        {
            var tape = new Tape(on);
            Value x = tape.Variable(Ramp(on, 2, 6, 6, 4), "x");
            Value loss = x.Convolution(tape.Constant(Ramp(on, 8, 3, 3, 4), "w"), new ConvGeometry(3), relu: true)
                .MaxPool(new ConvGeometry(2, 2)).Sigmoid().Sum();
            tape.Plan(loss);
            tape.Forward();
            return on.Read(tape.Backward(loss)[x]);
        }
        ),
        ["inference"] = (30, on => new Inference(FullMemoryTests.Tiny(on), FullMemoryTests.Image).Run(FullMemoryTests.Samples(1)[0].Pixels)),
        ["optimizers"] = (30, on =>
        {
            Tensor x = Ramp(on, 500);
            var adam = new Adam(on, new AdamSettings(0.1), x);
            var sgd = new Sgd(on, new SgdSettings(0.1), x);
            for (int step = 0; step < 3; step++)
            {
                adam.Step(Ramp(on, 500));
                sgd.Step(Ramp(on, 500));
            }
            return on.Read(x);
        }
        ),
        ["per-sample"] = (3, on => Maps(on, "per-sample")),
        ["readout"] = (3, on => Maps(on, "readout")),
        ["gradient"] = (3, on => Maps(on, "gradient")),
        ["smoothgrad"] = (3, on => Maps(on, "smoothgrad")),
        ["backends that nobody keeps"] = (30, _ => Read(new CpuBackend(2))),
    };

    public static TheoryData<string, bool> Everything => new MatrixTheoryData<string, bool>(Paths.Keys, [false, true]);

    [Theory]
    [MemberData(nameof(Everything))]
    public void Collections_at_any_moment_change_no_number(string path, bool onGpu)
    {
        using FakeGpu? gpu = onGpu ? new FakeGpu(computes: true) : null;
        using IBackend backend = onGpu ? gpu!.Open() : new CpuBackend(2);
        (int rounds, Func<IBackend, float[]> run) = Paths[path];
        float[] expected = run(backend);
        using var collector = new Collector();
        // Kernels of an emulated GPU run thread by thread.
        for (int round = 0; round < (onGpu ? Math.Min(rounds, 3) : rounds) * Times; round++)
            Assert.Equal(expected, run(backend));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Four_threads_on_one_backend_get_correct_results_or_an_exception(bool onGpu)
    {
        const int Threads = 4;
        using FakeGpu? gpu = onGpu ? new FakeGpu(computes: true) : null;
        using IBackend backend = onGpu ? gpu!.Open() : new CpuBackend(2);
        Tensor shared = Ramp(backend, 1000);
        using var tape = new Tape(backend);
        Value x = tape.Variable(shared, "x"), loss = (x * x).Sum();
        tape.Plan(loss);
        tape.Forward();
        using var inference = new Inference(FullMemoryTests.Tiny(backend), FullMemoryTests.Image);
        float[] pixels = FullMemoryTests.Samples(1)[0].Pixels, logits = inference.Run(pixels);
        float[] doubled = [.. backend.Read(shared).Select(number => 2 * number)];
        var wrong = new System.Collections.Concurrent.ConcurrentQueue<string>();
        int right = 0, refused = 0;
        Thread[] threads = [.. Enumerable.Range(1, Threads).Select(id => new Thread(() =>
        {
            gpu?.Join();
            Action[] uses =
            [
                () => Same([id, id, id], Filled(id), "fill"),
                () =>
                {
                    Tensor y = backend.Allocate(shared.Shape);
                    backend.Add(shared, shared, y);
                    Same(doubled, backend.Read(y), "add");
                    y.Storage.Dispose();
                },
                tape.Forward,
                () => tape.Backward(loss),
                () => Same(logits, inference.Run(pixels), "inference"),
            ];
            for (int round = 0; round < (onGpu ? 20 : 200) * Times; round++)
            {
                try
                {
                    uses[(round + id) % uses.Length]();
                    Interlocked.Increment(ref right);
                }
                catch (InvalidOperationException busy) when (busy.Message.Contains("one caller at a time", StringComparison.Ordinal))
                {
                    Interlocked.Increment(ref refused);
                }
                catch (Exception other)
                {
                    wrong.Enqueue(other.ToString());
                }
            }

            float[] Filled(float value)
            {
                Tensor t = backend.Allocate(new Shape(3));
                backend.Fill(t, value);
                return backend.Read(t);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.Empty(wrong);
        Assert.Equal(Threads * (onGpu ? 20 : 200) * Times, right + refused);

        // No caller is left inside, and the tape still works.
        tape.Forward();
        Same(doubled, backend.Read(tape.Backward(loss)[x]), "the tape afterwards");
        Assert.Empty(wrong);

        void Same(float[] expected, float[] actual, string what)
        {
            if (!expected.AsSpan().SequenceEqual(actual))
                wrong.Enqueue($"{what}: other numbers");
        }
    }

    private static float[] Read(IBackend on) => on.Read(Ramp(on, 100));

    private static Tensor Ramp(IBackend on, params int[] dims)
    {
        var shape = new Shape(dims);
        return on.Tensor(shape, [.. Enumerable.Range(0, shape.Count).Select(i => i % 17 / 8f - 1)]);
    }

    private static float[] Maps(IBackend on, string method)
    {
        IAttributionMethod made = FullMemoryTests.Methods[method](FullMemoryTests.Tiny(on), 2);
        return [.. made.Attribute(FullMemoryTests.Samples(3)).SelectMany(result => result.Heatmap.Values)];
    }

    /// <summary>Collects and finalizes without a pause until it is disposed.</summary>
    private sealed class Collector : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _stopped;

        public Collector()
        {
            _thread = new Thread(() =>
            {
                while (!_stopped)
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                }
            });
            _thread.Start();
        }

        public void Dispose()
        {
            _stopped = true;
            _thread.Join();
        }
    }
}
