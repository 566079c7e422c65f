namespace Tests.Textbook;

/// <summary>Gradient descent with heavy-ball momentum (Polyak 1964) and decay in the gradient, in double.</summary>
public sealed class SgdTextbook(int count, double learningRate, double momentum, double decay)
{
    private readonly double[] _velocity = new double[count];

    public void Step(double[] p, double[] gradient)
    {
        for (int i = 0; i < p.Length; i++)
        {
            _velocity[i] = momentum * _velocity[i] + gradient[i] + decay * p[i];
            p[i] -= learningRate * _velocity[i];
        }
    }
}
