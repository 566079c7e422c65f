namespace Tests.Textbook;

/// <summary>Adam (Kingma and Ba 2015, algorithm 1), with ε added after the bias correction, in double.</summary>
public sealed class AdamTextbook(int count, double learningRate, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8)
{
    private readonly double[] _mean = new double[count];
    private readonly double[] _square = new double[count];
    private int _step;

    public void Step(double[] p, double[] gradient)
    {
        _step++;
        for (int i = 0; i < p.Length; i++)
        {
            _mean[i] = beta1 * _mean[i] + (1 - beta1) * gradient[i];
            _square[i] = beta2 * _square[i] + (1 - beta2) * gradient[i] * gradient[i];
            double mean = _mean[i] / (1 - Math.Pow(beta1, _step));
            double square = _square[i] / (1 - Math.Pow(beta2, _step));
            p[i] -= learningRate * mean / (Math.Sqrt(square) + epsilon);
        }
    }
}
