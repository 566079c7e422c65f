using System.Runtime.CompilerServices;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A target is not a class of the logits.</exception>
    public void CrossEntropy(Tensor logits, Tensor targets, Tensor y)
    {
        CheckTargets(logits, targets);
        _workers.Run(logits.Shape.N, new CrossEntropyRows(logits.Shape.C, Read(logits), Read(targets), Write(y)));
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A target is not a class of the logits.</exception>
    public void CrossEntropyBackward(Tensor logits, Tensor targets, Tensor dy, Accumulator dlogits)
    {
        CheckTargets(logits, targets);
        _workers.Run(logits.Shape.N, new CrossEntropyBackwardRows(
            logits.Shape.C, Read(logits), Read(targets), Read(dy), Write(dlogits.Tensor), dlogits.Adds));
    }

    /// <summary>Checks the targets. They are data, so no shape check covers them, and a wrong one would read outside the logits.</summary>
    private static void CheckTargets(Tensor logits, Tensor targets)
    {
        for (int n = 0; n < logits.Shape.N; n++)
        {
            float target = Read(targets)[n];
            if (!(target >= 0 && target < logits.Shape.C))
            {
                string classes = $"logits {logits.Shape} have classes 0 to {logits.Shape.C - 1}";
                throw new ArgumentOutOfRangeException(nameof(targets), target, $"the target of row {n} is not a class: {classes}.");
            }
        }
    }

    /// <summary>The largest logit of a row, and the sum of e^(logit - largest) in double precision, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Largest, double Sum) Softmax(float* logits, int classes)
    {
        float largest = float.NegativeInfinity;
        for (int k = 0; k < classes; k++)
            largest = MathF.Max(largest, logits[k]);

        double sum = 0;
        for (int k = 0; k < classes; k++)
            sum += Math.Exp((double)logits[k] - largest);
        return (largest, sum);
    }

    private readonly struct CrossEntropyRows(int classes, float* logits, float* targets, float* y) : ITiles
    {
        public void Run(int tile, int worker)
        {
            float* row = logits + (long)tile * classes;
            (float largest, double sum) = Softmax(row, classes);
            y[tile] = (float)(Math.Log(sum) + largest - row[(int)targets[tile]]);
        }
    }

    private readonly struct CrossEntropyBackwardRows(int classes, float* logits, float* targets, float* dy, float* dx, bool adds) : ITiles
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int tile, int worker)
        {
            long first = (long)tile * classes;
            (float largest, double sum) = Softmax(logits + first, classes);
            for (int k = 0; k < classes; k++)
            {
                double p = Math.Exp((double)logits[first + k] - largest) / sum, d = dy[tile];
                float term = (float)(d * p - (k == (int)targets[tile] ? d : 0));
                dx[first + k] = adds ? dx[first + k] + term : term;
            }
        }
    }
}
