using System.Text;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Autograd;

/// <summary>
/// One differentiable operation: what it computes and how a gradient passes back through it.
/// Its properties are its settings, so a printed op explains itself: <c>MaxPool { Kernel = 3, Stride = 2, Padding = 1 }</c>.
/// In every method <c>y</c> is the op's own output on the tape, and <c>y[i]</c> its i-th input.
/// </summary>
public abstract record Op
{
    /// <summary>The output's shape. All checks are here.</summary>
    /// <exception cref="ShapeException">The op cannot take inputs of these shapes.</exception>
    public abstract Shape Infer(IReadOnlyList<Shape> inputs);

    /// <summary>The type of the output's elements.</summary>
    public virtual Element InferElement(IReadOnlyList<Value> inputs) => Element.Float32;

    /// <summary>Computes y.</summary>
    public abstract void Forward(IBackend on, Value y);

    /// <summary>Adds one term to the gradient of every input that wants one.</summary>
    /// <param name="on">The device.</param>
    /// <param name="y">The op's output.</param>
    /// <param name="dy">dLoss/dy; if <see cref="EndsInRelu"/>, the gradient with respect to the ReLU's input.</param>
    /// <param name="d">The gradients that receive the terms.</param>
    public abstract void Backward(IBackend on, Value y, Tensor dy, Gradients d);

    /// <summary>Whether <see cref="Backward"/> reads the data of input i. If not, its memory may be reused by then.</summary>
    public virtual bool RereadsInput(Value y, int input) => true;

    /// <summary>Whether <see cref="Backward"/> reads the data of y.</summary>
    public virtual bool RereadsOutput(Value y) => true;

    /// <summary>The input whose gradient is dy itself, so that <see cref="Gradients.Pass"/> needs no copy; null if none.</summary>
    public virtual int? PassesGradientTo => null;

    /// <summary>
    /// Whether <see cref="Backward"/> leaves most elements of its input's gradient as they are where that has a term already. It must honour the gate.
    /// </summary>
    public virtual bool AddsToPart => false;

    /// <summary>
    /// Whether y is the output of a ReLU, alone or at the end of a unit. The tape applies the ReLU's gradient, a gate that depends on y
    /// alone, before <see cref="Backward"/>. The verb that computes the last term of d[y] may have applied it already (see
    /// <see cref="Accumulator.Gate"/>).
    /// </summary>
    public virtual bool EndsInRelu => false;

    /// <summary>An exception that names this op, the shapes it was given and the shapes it accepts.</summary>
    protected ShapeException Refuse(IReadOnlyList<Shape> inputs, string wants) => new(ToString(), inputs, wants);

    /// <summary>The op's name and settings.</summary>
    public sealed override string ToString() => Describe();

    /// <summary>The op's name and settings.</summary>
    protected virtual string Describe()
    {
        var settings = new StringBuilder();
        string name = GetType().Name;
        return PrintMembers(settings) && settings.Length > 0 ? $"{name} {{ {settings} }}" : name;
    }

    /// <summary>The members that a record prints: the op's settings, not its other properties.</summary>
    protected virtual bool PrintMembers(StringBuilder builder) => false;
}
