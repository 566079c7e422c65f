namespace Iba.Engine.Autograd;

/// <summary>Sees every line of a tape as it runs, to measure or check it. While a tape is watched, its device records no replay of it.</summary>
public abstract class TapeWatch
{
    /// <summary>Called before a line is computed or passed back.</summary>
    public virtual void Before(Value y)
    {
    }

    /// <summary>Called after a line is computed.</summary>
    public virtual void AfterForward(Value y)
    {
    }

    /// <summary>Called after a line's gradient is passed back to its inputs. On a planned tape, d[y] may be overwritten by then.</summary>
    public virtual void AfterBackward(Value y, Gradients d)
    {
    }
}
