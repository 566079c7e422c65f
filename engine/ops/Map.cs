using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>y = f(x) elementwise;  dx = dy f'(x)</summary>
public sealed record Map<F>(F Function) : Op where F : struct, IUnary
{
    /// <inheritdoc/>
    public override bool EndsInRelu => F.IsRelu;

    /// <inheritdoc/>
    public override int? PassesGradientTo => EndsInRelu ? 0 : null;

    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Element InferElement(IReadOnlyList<Value> inputs) => inputs[0].Element;

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Map(Function, y[0], y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        if (EndsInRelu)
            d.Pass(dy, y[0]);
        else
            on.MapBackward(Function, y[0], y, dy, d.Into(y[0]));
    }

    /// <inheritdoc/>
    /// <remarks>The sign of a ReLU's output shows whether its input passed.</remarks>
    public override bool RereadsInput(Value y, int input) => !EndsInRelu;

    /// <inheritdoc/>
    protected override string Describe() => Function.ToString()!.Replace(" { }", "");
}

/// <summary>Records the ops of this folder: <c>x.Sigmoid()</c>, <c>a * b</c>.</summary>
public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records f(x).</summary>
        public Value Map<F>(F f) where F : struct, IUnary => x.Tape.Record(new Map<F>(f), x);
    }
}
