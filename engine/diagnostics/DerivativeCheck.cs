using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Engine.Diagnostics;

/// <summary>
/// A line's derivative held against finite differences. With random tensors u and v, the derivative gives u · J v; the differences give
/// (u · y(x + h v) - u · y(x - h v)) / 2h, summed in double.
/// </summary>
/// <param name="Line">The line's name.</param>
/// <param name="Input">The name of the input that was varied.</param>
/// <param name="Derivative">u · J v by the op's own derivative.</param>
/// <param name="Difference">The same by finite differences.</param>
/// <param name="Step">The step h that was used.</param>
public sealed record DerivativeCheck(string Line, string Input, double Derivative, double Difference, double Step)
{
    private const int Steps = 16;

    /// <summary>|derivative - difference| / |difference|. The line itself is computed in float32, so 1e-4 is a good result.</summary>
    public double Gap => Derivative == Difference ? 0 : Math.Abs(Derivative - Difference) / Math.Abs(Difference);

    /// <summary>
    /// Checks a line with respect to every input that wants a gradient, at the numbers that the tape holds. The tape is not changed. Of the steps h, each half
    /// of the one before, it takes the one at which the difference changes least: a larger one crosses kinks, a smaller one is rounding.
    /// </summary>
    /// <param name="y">The line, on a kept tape that has run.</param>
    /// <param name="seed">Of u and v.</param>
    /// <exception cref="ArgumentException">The line is a leaf, or none of its inputs wants a gradient.</exception>
    public static IReadOnlyList<DerivativeCheck> Of(Value y, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(y);
        if (y.Op is not { } op || !y.WantsGradient)
            throw new ArgumentException($"'{y.Name}' has no derivative: it is an input, or depends on none that wants a gradient.", nameof(y));
        IBackend on = y.Tape.Backend;
        using Backend.Call together = on.Enter(nameof(DerivativeCheck));
        using var tensors = new TensorScope(on);
        using var tape = new Tape(on);
        var random = new Random(seed);
        Value[] inputs = [.. y.Inputs.Select(x => Copy(x))];
        Value again = tape.Record(op, inputs);
        float[] u = Random(y.Shape.Count);
        Value loss = (again * tape.Constant(tensors.Upload(u, y.Shape), "u")).Sum();
        tape.Forward();
        Gradients d = tape.Backward(loss);
        return [.. inputs.Where(x => x.WantsGradient).Select(Check)];

        Value Copy(Value x)
        {
            Tensor data = tensors.Allocate(x.Shape);
            on.Copy(x.Data, data);
            return x.WantsGradient ? tape.Variable(data, x.Name) : tape.Constant(data, x.Name);
        }

        DerivativeCheck Check(Value x)
        {
            float[] at = on.Read(x.Data), v = Random(at.Length);
            double derivative = Dot(on.Read(d[x]), v);
            double largest = Math.Max(at.Max(Math.Abs), 1e-3f);
            (double Step, double Difference)[] tries = [.. Enumerable.Range(0, Steps).Select(i => Difference(largest / (1 << i)))];
            on.Upload(at, x.Data);
            int best = Enumerable.Range(1, Steps - 1).MinBy(i => Math.Abs(tries[i].Difference - tries[i - 1].Difference));
            return new DerivativeCheck(y.Name, x.Name, derivative, tries[best].Difference, tries[best].Step);

            (double, double) Difference(double step)
            {
                float[] up = [.. at.Zip(v, (a, b) => (float)(a + step * b))], down = [.. at.Zip(v, (a, b) => (float)(a - step * b))];
                // The steps as float32 holds them differ from number to number; their mean along v is what was taken.
                double taken = up.Zip(down, (a, b) => (double)a - b).Zip(v, (a, b) => a * b).Sum() / Dot(v, v);
                return (step, (Value(up) - Value(down)) / taken);
            }

            double Value(float[] numbers)
            {
                on.Upload(numbers, x.Data);
                op.Forward(on, again);
                return Dot(on.Read(again.Data), u);
            }
        }

        float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }

    private static double Dot(float[] a, float[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += (double)a[i] * b[i];
        return sum;
    }
}
