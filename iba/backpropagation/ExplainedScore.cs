using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Backpropagation;

/// <summary>
/// The number whose gradient explains a row: the logit of its class, or minus the loss where another one than cross-entropy was asked for. The gradient with
/// respect to a pixel is that with respect to the logits, passed back through the network.
/// </summary>
internal sealed class ExplainedScore(IBackend backend, LogitLoss loss)
{
    /// <summary>d score / d logits: N x K elements.</summary>
    /// <param name="logits">N x K elements.</param>
    /// <param name="targets">N classes.</param>
    public float[] Gradient(float[] logits, int[] targets) => Of(logits, targets).Gradient;

    /// <summary>The scores of some rows of logits.</summary>
    public double[] Of(IReadOnlyList<float[]> rows, int[] targets) => Of([.. rows.SelectMany(row => row)], targets).Scores;

    private (double[] Scores, float[] Gradient) Of(float[] logits, int[] targets)
    {
        (int rows, int classes) = (targets.Length, logits.Length / targets.Length);
        if (loss.IsCrossEntropy)
        {
            var one = new float[logits.Length];
            foreach ((int row, int target) in targets.Index())
                one[row * classes + target] = 1;
            return ([.. targets.Select((target, row) => (double)logits[row * classes + target])], one);
        }
        using var tensors = new TensorScope(backend);
        using var tape = new Tape(backend);
        Value z = tape.Variable(tensors.Upload(logits, new Shape(rows, classes)), "logits");
        Tensor explained = tensors.Upload([.. targets.Select(target => (float)target)], new Shape(rows));
        Value score = loss.On(new LossRows(z, explained, tensors)) * -1f;
        Value sum = score.Sum();
        tape.Forward();
        return ([.. backend.Read(score).Select(each => (double)each)], backend.Read(tape.Backward(sum)[z]));
    }
}
