using Iba.Engine.Backends.Cpu;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests.Engine;

/// <summary>Linear layers on the CPU: no bit depends on the number of cores.</summary>
public sealed class LinearThreadTests
{
    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        float[][] expected = Verbs(1);
        Assert.Equal(expected, Verbs(2));
        Assert.Equal(expected, Verbs(3));

        static float[][] Verbs(int threads)
        {
            using var backend = new CpuBackend(threads);
            using var numbers = new TestTensors(backend);
            Tensor x = numbers.Upload(LinearTests.Random(1, 19, 2500)), w = numbers.Upload(LinearTests.Random(2, 333, 2500)), y = numbers.Empty(new(19, 333));
            Tensor dx = numbers.Empty(x.Shape), dw = numbers.Empty(w.Shape), db = numbers.Empty(new(333));
            backend.Linear(x, w, null, relu: true, y);
            backend.LinearBackwardData(y, w, new(dx, Adds: false));
            backend.LinearBackwardWeights(x, y, new(dw, Adds: false));
            backend.BiasBackward(y, new(db, Adds: false));
            return [numbers.Download(y), numbers.Download(dx), numbers.Download(dw), numbers.Download(db)];
        }
    }
}
